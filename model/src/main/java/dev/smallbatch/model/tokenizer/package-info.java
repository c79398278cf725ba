/**
 * Text to token ids and back: bytes, or byte-level byte-pair encoding with GPT-2's rules, and the training of such a
 * vocabulary. Knows nothing of models, shards or corpora.
 */
package dev.smallbatch.model.tokenizer;
