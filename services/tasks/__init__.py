"""The ledger of generations: a bounded queue, a dispatcher, images, and the money a task holds."""
