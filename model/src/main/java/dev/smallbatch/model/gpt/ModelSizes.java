package dev.smallbatch.model.gpt;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Shapes of the paper's decoder for a number of parameters. */
public final class ModelSizes {
    /** A preset this close is meant by its number. */
    private static final double SAME = 0.05;
    private static final int GPT2_VOCABULARY = 50_257;
    private static final int BYTE_VOCABULARY = 256;
    /** Below this many parameters tables of a large vocabulary would be all of the model. */
    private static final long SMALL_MODEL = 20_000_000;
    private static final int DIM_STEP = 64;
    private static final int LARGEST_DIM = 16_384;
    private static final int LARGE_HEAD = 128;
    private static final int SMALL_HEAD = 64;
    private static final int FEWEST_LAYERS = 2;
    /** Width for each layer in the paper's models: 64 to 85. */
    private static final double ASPECT = 72;
    private static final double ASPECT_WEIGHT = 0.1;

    private ModelSizes() {}

    /**
     * The preset with about so many active or total parameters, else a shape of its own with about so many active ones: with the
     * width for each layer, heads, vocabulary and sequence length that the paper's models have at this size.
     *
     * @throws IllegalArgumentException if no shape comes close
     */
    public static GptConfig forParameters(long parameters) {
        Stream<GptConfig> presets = GptConfig.PRESETS.stream().map(GptConfig::preset);
        Comparator<GptConfig> byDistance = Comparator.comparingDouble(config -> distance(config, parameters));
        GptConfig closest = presets.min(byDistance).orElseThrow();
        if (distance(closest, parameters) <= SAME) {
            return closest;
        }
        return IntStream.rangeClosed(1, LARGEST_DIM / DIM_STEP).mapToObj(i -> shape(i * DIM_STEP, parameters))
                .flatMap(List::stream).min(Comparator.comparingDouble(config -> penalty(config, parameters)))
                .filter(config -> relative(config.activeParameterCount(), parameters) <= 2 * SAME)
                .orElseThrow(() -> new IllegalArgumentException("no model of the paper's kind has about " + parameters
                        + " parameters; give its sizes instead"));
    }

    private static List<GptConfig> shape(int dim, long parameters) {
        int vocabulary = parameters < SMALL_MODEL ? BYTE_VOCABULARY : GPT2_VOCABULARY;
        long layers = Math.round((parameters - (double) dim * vocabulary) / (12.0 * dim * dim));
        if (layers < FEWEST_LAYERS || layers > dim) {
            return List.of();
        }
        int heads = dim % LARGE_HEAD == 0 && dim > LARGE_HEAD ? dim / LARGE_HEAD : dim / SMALL_HEAD;
        return List.of(GptConfig.paper((int) layers, dim, heads, sequence(parameters), vocabulary));
    }

    private static int sequence(long parameters) {
        return parameters < SMALL_MODEL ? 256 : parameters < 80_000_000 ? 512 : parameters < 700_000_000 ? 1024 : 2048;
    }

    private static double distance(GptConfig config, long parameters) {
        return Math.min(relative(config.activeParameterCount(), parameters), relative(config.parameterCount(), parameters));
    }

    private static double relative(long actual, long wanted) {
        return Math.abs((double) actual / wanted - 1);
    }

    private static double penalty(GptConfig config, long parameters) {
        double aspect = (double) config.dim() / config.layers();
        return relative(config.activeParameterCount(), parameters) + ASPECT_WEIGHT * Math.abs(Math.log(aspect / ASPECT));
    }
}
