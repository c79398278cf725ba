/** Continuing a sequence of tokens: a cache of keys and values, the loop over it, and the choice of the next token. */
package dev.smallbatch.model.generate;
