/**
 * From files of text to batches of tokens: reading corpora, shards of ids on disk, and the order in which training sees them.
 * Knows tokenizers; knows nothing of models or optimizers.
 */
package dev.smallbatch.model.data;
