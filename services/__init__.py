"""The five services of Daydream and the little they stand on."""
