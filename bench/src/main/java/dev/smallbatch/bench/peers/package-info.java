/**
 * Smallbatch and PyTorch side by side, on the same machine in turn. {@code bench/peers/README.md} says how to run it. Main
 * classes that measure one thing and print one line of JSON for each, and one that runs them in pairs and writes the tables.
 */
package dev.smallbatch.bench.peers;
