package dev.smallbatch.bench.experiments;

/**
 * A finished run: a line of {@code results.jsonl}.
 *
 * @param <C> settings, a record
 * @param <R> what came out, a record
 */
record Outcome<C, R>(C cell, R result) {}
