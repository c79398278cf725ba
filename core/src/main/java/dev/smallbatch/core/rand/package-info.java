/**
 * Random numbers that are pure functions of (seed, path, index): counter-based generator, keys, initializers. Knows
 * tensors; keeps no state and knows no call order, thread or back end.
 */
package dev.smallbatch.core.rand;
