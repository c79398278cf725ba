package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.databind.JsonNode;
import dev.smallbatch.core.spi.Activation;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.layer.Norm;
import java.util.Map;

/**
 * What the runs of a scale share, and the grid of each experiment: a file of this package's resources.
 *
 * @param name laptop or paper
 * @param data what the runs learn from, for the results
 * @param layers of the paper's decoder
 * @param tokens training tokens of a run
 * @param validationTokens the end loss is a mean over these
 * @param microBatch most sequences that go through the model at once
 * @param workers runs at the same time
 * @param threads of each run; null for all processors
 * @param t2 half-life of the second moment in tokens where it is fixed
 * @param factorFrom rows and columns from which Adafactor factors a matrix
 * @param warmup part of a run's steps in which the rate rises
 * @param floor part of the peak at which a cosine ends
 * @param plain whether the decoder is not the paper's but has learned positions, no QK-norm, and normal first weights
 * @param experiments by name: seeds and grids
 */
record Scale(String name, String data, int layers, int dim, int heads, int seqLen, int vocabulary, long tokens,
        long validationTokens, int microBatch, int workers, Integer threads, double t2, int factorFrom,
        double warmup, double floor, boolean plain, Map<String, JsonNode> experiments) {
    GptConfig model() {
        return plain ? new GptConfig(layers, dim, heads, seqLen, vocabulary, Norm.Kind.RMS, false, GptConfig.Positions.LEARNED,
                false, false, Activation.GELU_TANH, GptConfig.Initialization.GPT2, false)
                : GptConfig.paper(layers, dim, heads, seqLen, vocabulary);
    }

    /** The same with a model of another size. */
    Scale withModel(int newLayers, int newDim, int newHeads, int newSeqLen, int newVocabulary) {
        return new Scale(name, data, newLayers, newDim, newHeads, newSeqLen, newVocabulary, tokens, validationTokens, microBatch,
                workers, threads, t2, factorFrom, warmup, floor, plain, experiments);
    }
}
