package dev.smallbatch.optim;

import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.optim.train.BatchSource;

/** Sequences in which token {@code t} is always followed by {@code 3 t + 1 mod 13}, each from a random start. */
public record TinyText(long seed, int sequenceLength) implements BatchSource {
    @Override
    public void fill(long step, int[] tokens, int[] targets) {
        RandomKey key = RandomKey.of(seed).at(step);
        for (int i = 0; i < tokens.length; i++) {
            boolean start = i % sequenceLength == 0;
            tokens[i] = start ? Integer.remainderUnsigned(key.word(i), TinyModel.VOCABULARY) : targets[i - 1];
            targets[i] = (3 * tokens[i] + 1) % TinyModel.VOCABULARY;
        }
    }
}
