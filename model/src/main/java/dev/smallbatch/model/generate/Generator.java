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
 * cache of keys and values, and the activations of a few tokens. Owns both regions, {@link #close} frees them; owns neither
 * model nor kernels. For one thread.
 *
 * <p>A model sees at most its longest sequence. Of a longer prompt only the end counts; and when a text outgrows that length,
 * the model reads the last half of it again, as a new sequence, and goes on from there.
 */
public final class Generator implements AutoCloseable {
    /** Tokens of a prompt that go through the model at a time: enough to read each weight once for many of them. */
    private static final int CHUNK = 64;

    private final Gpt model;
    private final GptConfig config;
    private final Region cacheRegion;
    private final Region stepRegion;
    private final KeyValueCache cache;
    private final Tensor tokens;
    private final Tape tape;
    private final float[] logits;

    /**
     * @param model whose parameters have memory
     * @param kernels of an open back end, which stays open as long as this
     */
    public Generator(Gpt model, Kernels kernels) {
        this.model = model;
        this.config = model.config();
        int chunk = Math.min(CHUNK, config.seqLen());
        Plan plan = Plan.of(config, chunk);
        cacheRegion = Region.create("cache", plan.cacheBytes());
        stepRegion = Region.create("step", plan.stepBytes());
        cache = new KeyValueCache(config, chunk, kernels, cacheRegion);
        tokens = cacheRegion.allocate(DType.I32, Shape.of(chunk));
        tape = new Tape(kernels, stepRegion, Tape.Mode.FORWARD_ONLY);
        logits = new float[config.vocabularySize()];
    }

    /** What the two regions must hold, found by going through the motions without computing. */
    private record Plan(long cacheBytes, long stepBytes) {
        static Plan of(GptConfig config, int chunk) {
            Region cache = Region.counting("cache");
            Region step = Region.counting("step");
            try (Backend none = Backends.open("none", new BackendOptions(1))) {
                KeyValueCache planned = new KeyValueCache(config, chunk, none.kernels(), cache);
                Tensor tokens = cache.allocate(DType.I32, Shape.of(chunk));
                Tape tape = new Tape(none.kernels(), step, Tape.Mode.FORWARD_ONLY);
                forward(Gpt.planned(config), tape, tokens, planned);
            }
            return new Plan(cache.peak(), step.peak());
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
        int[] text = Arrays.copyOf(prompt, Math.addExact(prompt.length, maxTokens));
        int read = Math.max(0, prompt.length - config.seqLen());
        int end = prompt.length;
        cache.clear();
        while (end < text.length) {
            if (cache.start() + end - read > config.seqLen()) {
                cache.clear();
                read = end - Math.max(1, config.seqLen() / 2);
            }
            float[] next = feed(text, read, end);
            read = end;
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
                Var last = forward(model, tape, part, cache);
                MemorySegment.copy(last.value().segment(), ValueLayout.JAVA_FLOAT, 0, logits, 0, logits.length);
            } finally {
                tape.reset();
            }
            cache.advance(ids.length);
        }
        return logits;
    }

    private static Var forward(Gpt model, Tape tape, Tensor tokens, KeyValueCache cache) {
        long count = tokens.numel();
        Var hidden = model.hidden(tape.ops(), tokens.reshape(Shape.of(1, count)), cache);
        Tensor last = hidden.value().reshape(Shape.of(count, model.config().dim())).rows(count - 1, count);
        return model.logits(tape.ops(), new Var(last, -1));
    }

    /** Frees the memory; the model and the back end stay open. */
    @Override
    public void close() {
        stepRegion.close();
        cacheRegion.close();
    }
}
