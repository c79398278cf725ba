package dev.smallbatch.model.run;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.batch.Throughput;
import java.util.List;
import java.util.function.Consumer;

/** What a {@link Recipe} was asked for; null is open. Changes only while it is copied. */
final class RecipeRequest {
    GptConfig model;
    Long memoryBytes;
    Long tokens;
    List<Throughput> throughput = List.of();
    OptimizerKind optimizer;
    Settings settings;
    DType dtype;
    Boolean recompute;
    Integer batchSize;
    boolean clipped;
    int microBatches = 1;
    RunConfig.Growth growth;

    RecipeRequest changed(Consumer<RecipeRequest> change) {
        RecipeRequest copy = new RecipeRequest();
        copy.model = model;
        copy.memoryBytes = memoryBytes;
        copy.tokens = tokens;
        copy.throughput = throughput;
        copy.optimizer = optimizer;
        copy.settings = settings;
        copy.dtype = dtype;
        copy.recompute = recompute;
        copy.batchSize = batchSize;
        copy.clipped = clipped;
        copy.microBatches = microBatches;
        copy.growth = growth;
        change.accept(copy);
        return copy;
    }
}
