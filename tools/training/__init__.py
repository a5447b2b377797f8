"""dataset + plan -> run: advice, packing, the loop, the monitor."""
