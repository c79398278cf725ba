/**
 * The optimizer: which rule updates which parameter, with or without keeping gradients. Built on the rules of
 * {@link dev.smallbatch.optim.rule}; knows nothing of models, data or files.
 */
package dev.smallbatch.optim;
