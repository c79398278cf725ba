package dev.smallbatch.model.data;

import dev.smallbatch.model.tokenizer.Tokenizer;
import java.util.List;

/**
 * A corpus as a training run uses it.
 *
 * @param tokenizer  the vocabulary
 * @param training   tokens to learn from
 * @param validation tokens to judge by
 * @param reused     whether it was there already
 * @param notes      lines for the user: what was read and left out, what vocabulary came out
 */
public record PreparedCorpus(
        Tokenizer tokenizer, TokenShard training, TokenShard validation, boolean reused, List<String> notes) {}
