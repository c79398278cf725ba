package dev.smallbatch.model.cli;

import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.TrainingOptions;
import java.util.Objects;
import picocli.CommandLine.Option;

/** Of what shape a model is: options that several commands share. */
final class ModelOptions {
    @Option(names = "--preset", paramLabel = "NAME", description = "tiny, small, lm11m, gpt2s or gpt3xl (default: small).")
    String preset;

    @Option(names = "--layers", paramLabel = "N", description = "Blocks, instead of the preset's.")
    private Integer layers;

    @Option(names = "--dim", paramLabel = "N", description = "Width, instead of the preset's.")
    private Integer dim;

    @Option(names = "--heads", paramLabel = "N", description = "Attention heads, instead of the preset's.")
    private Integer heads;

    @Option(names = "--seq-len", paramLabel = "N", description = "Tokens of a sequence, instead of the preset's.")
    private Integer seqLen;

    @Option(names = "--vocab-size", paramLabel = "N",
            description = "Tokens of the vocabulary, which train learns (default: by the size of the text, without one the"
                    + " preset's).")
    private Integer vocabularySize;

    @Option(names = "--stable-embedding", negatable = true,
            description = "Normalize token vectors, for optimizers in 8 bits that have tables in 8 bits, too.")
    private Boolean stableEmbedding;

    void into(TrainingOptions options) {
        options.preset(preset).layers(layers).dim(dim).heads(heads).seqLen(seqLen).vocabularySize(vocabularySize)
                .stableEmbedding(stableEmbedding);
    }

    /**
     * A model of these sizes.
     *
     * @param base has those that are not given
     * @throws IllegalArgumentException if they are impossible
     */
    GptConfig model(GptConfig base) {
        return base.withSizes(or(layers, base.layers()), or(dim, base.dim()), or(heads, base.heads()), or(seqLen, base.seqLen()),
                or(vocabularySize, base.vocabularySize()))
                .withStableEmbedding(Objects.requireNonNullElse(stableEmbedding, base.stableEmbedding()));
    }

    private static int or(Integer value, int otherwise) {
        return Objects.requireNonNullElse(value, otherwise);
    }
}
