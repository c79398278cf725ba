package dev.smallbatch.model.generate;

import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.IntPredicate;

/**
 * Continues sequences of tokens with a model, one sequence at a time. All native memory is reserved in the constructor: the
 * cache of keys and values, and the activations of a few tokens. {@link #close} frees it; model and kernels belong to the caller.
 * For one thread.
 *
 * <p>A model sees at most its longest sequence. Of a longer prompt only the end counts; and when a text outgrows that length,
 * the model reads the last half of it again, as a new sequence, and goes on from there.
 */
public final class Generator implements AutoCloseable {
    /** Tokens of a prompt that go through the model at a time: enough to read each weight once for many of them. */
    private static final int CHUNK = 64;

    private final Gpt model;
    private final GptConfig config;
    private final Region region;
    private final KeyValueCache cache;
    private final Tensor tokens;
    private final Tape tape;
    private final float[] logits;

    /**
     * @param model whose parameters have memory
     * @param kernels of an open back end, which stays open as long as this
     */
    public Generator(Gpt model, Kernels kernels) {
        this(model, kernels, Region.create("cache", bytes(model.config())));
    }

    private Generator(Gpt model, Kernels kernels, Region region) {
        this.model = model;
        this.config = model.config();
        this.region = region;
        int chunk = Math.min(CHUNK, config.seqLen());
        cache = new KeyValueCache(config, chunk, kernels, region);
        tokens = region.allocate(DType.I32, Shape.of(chunk));
        tape = new Tape(kernels, region, Tape.Mode.FORWARD_ONLY);
        logits = new float[config.vocabularySize()];
    }

    /** Bytes of native memory that a generator takes: found by going through the motions without computing. */
    public static long bytes(GptConfig config) {
        Region counting = Region.counting("cache");
        try (Backend none = Backends.open("none", new BackendOptions(1))) {
            Generator planned = new Generator(Gpt.planned(config), none.kernels(), counting);
            planned.forward(planned.tokens);
            return counting.peak();
        }
    }

    /**
     * Continues a prompt.
     *
     * @param prompt token ids, at least one
     * @param maxTokens most new tokens
     * @param sampler chooses each; asked with indices from 0
     * @param onToken told each new token as soon as it is chosen; false stops, with that token as the last
     * @return the new tokens alone
     * @throws IllegalArgumentException if the prompt is empty or has an id outside the vocabulary
     */
    public int[] generate(int[] prompt, int maxTokens, Sampler sampler, IntPredicate onToken) {
        requireValid(prompt, maxTokens);
        int[] text = Arrays.copyOf(prompt, prompt.length + 1);
        int read = Math.max(0, prompt.length - config.seqLen());
        int end = prompt.length;
        cache.clear();
        while (end - prompt.length < maxTokens) {
            if (cache.start() + end - read > config.seqLen()) {
                cache.clear();
                read = end - Math.max(1, config.seqLen() / 2);
            }
            float[] next = feed(text, read, end);
            read = end;
            if (end == text.length) {
                text = Arrays.copyOf(text, Math.addExact(end, end));
            }
            text[end] = sampler.sample(next, end - prompt.length);
            end++;
            if (!onToken.test(text[end - 1])) {
                break;
            }
        }
        return Arrays.copyOfRange(text, prompt.length, end);
    }

    private void requireValid(int[] prompt, int maxTokens) {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("generate: the prompt is empty; give at least one token");
        }
        if (maxTokens < 0) {
            throw new IllegalArgumentException("generate: at most " + maxTokens + " tokens requested, must be at least 0");
        }
        for (int i = 0; i < prompt.length; i++) {
            if (prompt[i] < 0 || prompt[i] >= config.vocabularySize()) {
                throw new IllegalArgumentException("generate: token " + prompt[i] + " at position " + i
                        + " of the prompt is outside the vocabulary of " + config.vocabularySize()
                        + "; was it made by the model's tokenizer?");
            }
        }
    }

    /** Puts tokens behind those in the cache; returns the logits after the last one, in an array that is used again. */
    float[] feed(int[] text, int from, int to) {
        for (int start = from; start < to; start += CHUNK) {
            int[] ids = Arrays.copyOfRange(text, start, Math.min(to, start + CHUNK));
            Tensor part = tokens.rows(0, ids.length);
            part.copyFrom(ids);
            try {
                Var last = forward(part);
                MemorySegment.copy(last.value().segment(), ValueLayout.JAVA_FLOAT, 0, logits, 0, logits.length);
            } finally {
                tape.reset();
            }
            cache.advance(ids.length);
        }
        return logits;
    }

    private Var forward(Tensor ids) {
        long count = ids.numel();
        Var hidden = model.hidden(tape.ops(), ids.reshape(Shape.of(1, count)), cache);
        Tensor last = hidden.value().reshape(Shape.of(count, config.dim())).rows(count - 1, count);
        return model.logits(tape.ops(), new Var(last, -1));
    }

    /** Frees the memory; the model and the back end stay open. */
    @Override
    public void close() {
        region.close();
    }
}
