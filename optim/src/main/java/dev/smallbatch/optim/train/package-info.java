/**
 * Training: one step, the loop around it, validation, and how much memory it all takes. A model enters as a
 * {@link dev.smallbatch.optim.train.LossModel}, data as a {@link dev.smallbatch.optim.train.BatchSource}; knows nothing
 * of architectures, tokenizers or the command line.
 */
package dev.smallbatch.optim.train;
