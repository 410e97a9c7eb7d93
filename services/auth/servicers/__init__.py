"""Messages in, messages out: the servicers turn one into values and the other back, and decide nothing."""
