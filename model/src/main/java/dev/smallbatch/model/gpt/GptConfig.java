package dev.smallbatch.model.gpt;

import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.model.layer.Norm;
import dev.smallbatch.optim.batch.RunLength;
import java.util.List;
import java.util.Objects;

/**
 * Everything that determines a decoder's architecture and its first weights. Immutable; impossible values are refused here,
 * so that the rest of the code need not ask.
 *
 * @param layers L, number of blocks
 * @param dim D, width of the residual stream; a multiple of heads
 * @param heads number of attention heads; dim / heads is even
 * @param seqLen T, longest sequence the model sees at once, in tokens
 * @param vocabularySize V, number of token ids
 * @param norm kind of all normalizations
 * @param qkNorm whether queries and keys are RMS-normalized per head
 * @param positions how tokens know where they stand
 * @param biases whether linear layers have biases; the head never has one
 * @param tiedHead whether the output table is the input table
 * @param activation nonlinearity of the MLP
 * @param init how weights start
 * @param stableEmbedding whether token vectors start uniform and pass a LayerNorm of their own
 */
public record GptConfig(int layers, int dim, int heads, int seqLen, int vocabularySize, Norm.Kind norm, boolean qkNorm,
        Positions positions, boolean biases, boolean tiedHead, Activation activation, Initialization init,
        boolean stableEmbedding) {

    /** Width of the MLP as a multiple of dim. */
    public static final int MLP_FACTOR = 4;

    private static final int LARGEST_DIM = Integer.MAX_VALUE / MLP_FACTOR;
    /** Far more than anyone trains, and few enough to plan their memory at once. */
    private static final int MOST_LAYERS = 10_000;
    private static final int GPT2_VOCABULARY = 50_257;
    private static final int BYTE_VOCABULARY = 256;

    /** How tokens know where they stand. */
    public enum Positions {
        /** Queries and keys are rotated. */
        ROPE,
        /** A learned table is added to the token vectors. */
        LEARNED
    }

    /** How weights start; the table is in {@link Gpt}. */
    public enum Initialization {
        /** Uniform by the fans of each tensor, as the paper's decoder. */
        PAPER,
        /** Normal 0.02, residual products shrunk by depth, as GPT-2. */
        GPT2
    }

    public GptConfig {
        requirePositive("layers", layers);
        requirePositive("dim", dim);
        requirePositive("heads", heads);
        requirePositive("seq_len", seqLen);
        requirePositive("vocabulary_size", vocabularySize);
        Objects.requireNonNull(norm, "norm");
        Objects.requireNonNull(positions, "positions");
        Objects.requireNonNull(activation, "activation");
        Objects.requireNonNull(init, "init");
        if (layers > MOST_LAYERS) {
            throw new IllegalArgumentException("gpt config: " + layers + " layers are too many; at most " + MOST_LAYERS);
        }
        if (dim > LARGEST_DIM) {
            throw new IllegalArgumentException("gpt config: dim " + dim + " is too large; at most " + LARGEST_DIM);
        }
        long step = 2L * heads;
        if (dim % step != 0) {
            long below = dim / step * step;
            String nearest = (below == 0 ? "" : "dim " + below + " or ") + "dim " + (below + step);
            throw new IllegalArgumentException("gpt config: dim " + dim + " does not split into " + heads
                    + " heads of even size; use " + nearest + ", or another number of heads");
        }
        try {
            countParameters(layers, dim, seqLen, vocabularySize, norm, positions, biases, tiedHead, stableEmbedding);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("gpt config: layers " + layers + ", dim " + dim + " and vocabulary_size "
                    + vocabularySize + " make more than 2^63 parameters; lower them", e);
        }
    }

    private static void requirePositive(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException("gpt config: " + name + " is " + value + ", must be at least 1");
        }
    }

    /** The small-batch paper's decoder: RMSNorm without weights, QK-norm, RoPE, no biases, untied head. */
    public static GptConfig paper(int layers, int dim, int heads, int seqLen, int vocabularySize) {
        return new GptConfig(layers, dim, heads, seqLen, vocabularySize, Norm.Kind.RMS, true, Positions.ROPE, false, false,
                Activation.GELU_TANH, Initialization.PAPER, false);
    }

    /** GPT-2: LayerNorm, learned positions, biases, tied head. */
    public static GptConfig gpt2(int layers, int dim, int heads, int seqLen, int vocabularySize) {
        return new GptConfig(layers, dim, heads, seqLen, vocabularySize, Norm.Kind.LAYER, false, Positions.LEARNED, true, true,
                Activation.GELU_TANH, Initialization.GPT2, false);
    }

    /** The names that {@link #preset} knows, from the smallest. */
    public static final List<String> PRESETS = List.of("tiny", "small", "lm11m", "gpt2s", "gpt3xl");

    /**
     * A named size of the paper's decoder.
     *
     * <pre>
     * name     layers  dim  heads  head size  seq_len  vocabulary      for
     * tiny     4       128  4      32         128      256 (bytes)     minutes on a laptop's CPU
     * small    4       256  4      64         256      256 (bytes)     a coffee break
     * lm11m    6       384  3      128        512      50257 (GPT-2)   the paper's 30M model
     * gpt2s    12      768  6      128        1024     50257 (GPT-2)   the paper's 124M model
     * gpt3xl   24      2048 16     128        2048     50257 (GPT-2)   the paper's 1.3B model
     * </pre>
     *
     * @throws IllegalArgumentException if there is no such name
     */
    public static GptConfig preset(String name) {
        return switch (name) {
            case "tiny" -> paper(4, 128, 4, 128, BYTE_VOCABULARY);
            case "small" -> paper(4, 256, 4, 256, BYTE_VOCABULARY);
            case "lm11m" -> paper(6, 384, 3, 512, GPT2_VOCABULARY);
            case "gpt2s" -> paper(12, 768, 6, 1024, GPT2_VOCABULARY);
            case "gpt3xl" -> paper(24, 2048, 16, 2048, GPT2_VOCABULARY);
            default -> throw new IllegalArgumentException(
                    "gpt config: no preset '" + name + "'; there are " + String.join(", ", PRESETS));
        };
    }

    /** The same architecture in other sizes. */
    public GptConfig withSizes(int newLayers, int newDim, int newHeads, int newSeqLen, int newVocabularySize) {
        return new GptConfig(newLayers, newDim, newHeads, newSeqLen, newVocabularySize, norm, qkNorm, positions, biases,
                tiedHead, activation, init, stableEmbedding);
    }

    /** The same architecture with a stable embedding, or without. */
    public GptConfig withStableEmbedding(boolean stable) {
        return new GptConfig(layers, dim, heads, seqLen, vocabularySize, norm, qkNorm, positions, biases, tiedHead, activation,
                init, stable);
    }

    /** The same architecture for another tokenizer. */
    public GptConfig withVocabularySize(int newVocabularySize) {
        return withSizes(layers, dim, heads, seqLen, newVocabularySize);
    }

    /** Columns of one head. */
    public int headSize() {
        return dim / heads;
    }

    /** Width of the MLP. */
    public int mlpDim() {
        return MLP_FACTOR * dim;
    }

    /** Number of trained numbers, every table included. */
    public long parameterCount() {
        return countParameters(layers, dim, seqLen, vocabularySize, norm, positions, biases, tiedHead, stableEmbedding);
    }

    private static long countParameters(long layers, long dim, long seqLen, long vocabularySize, Norm.Kind norm,
            Positions positions, boolean biases, boolean tiedHead, boolean stableEmbedding) {
        long tables = Math.addExact((tiedHead ? 1 : 2) * vocabularySize, positions == Positions.LEARNED ? seqLen : 0);
        long matrices = Math.multiplyExact(4 + 2 * MLP_FACTOR, Math.multiplyExact(dim, dim));
        long biasVectors = biases ? 3 + 1 + MLP_FACTOR + 1 : 0;
        long normVectors = norm == Norm.Kind.LAYER ? 2 : 0;
        long block = Math.addExact(matrices, (biasVectors + 2 * normVectors) * dim);
        long blocks = Math.multiplyExact(layers, block);
        long vectors = (normVectors + (stableEmbedding ? 2 : 0)) * dim;
        return Math.addExact(Math.addExact(blocks, vectors), Math.multiplyExact(tables, dim));
    }

    /**
     * Parameters that multiply something for every token, {@code 12 L D^2 + D V}: the blocks' matrices and one table. It
     * sets the token budget, usually 20 tokens per active parameter.
     */
    public long activeParameterCount() {
        return RunLength.activeParameters(layers, dim, vocabularySize);
    }

    /**
     * Floating-point operations per token of forward and backward, {@code 6 active + 12 L D T}: two per parameter in each of
     * three products, and the attention over a sequence of {@code sequenceTokens}, counted without the causal mask.
     */
    public double flopsPerToken(int sequenceTokens) {
        return 6.0 * activeParameterCount() + 12.0 * layers * dim * sequenceTokens;
    }
}
