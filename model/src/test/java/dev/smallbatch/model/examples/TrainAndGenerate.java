package dev.smallbatch.model.examples;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.model.generate.Sampler;
import dev.smallbatch.model.run.TrainedModel;
import dev.smallbatch.model.run.TrainingOptions;
import dev.smallbatch.model.run.TrainingRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Trains a small model on a text file, then lets it go on with a word. */
public final class TrainAndGenerate {
    private TrainAndGenerate() {}

    public static void main(String[] args) throws IOException {
        Path text = Path.of(args[0]);
        Path directory = Path.of(args[1]);

        TrainingOptions options = TrainingOptions.into(directory).data(text).preset("tiny").steps(100L);
        try (TrainingRun run = TrainingRun.open(options, (stage, done, total) -> {})) {
            run.train(List.of(step -> System.out.printf("step %d, loss %.2f%n", step.step(), step.loss())));
        }

        try (Backend backend = Backends.open("auto", BackendOptions.defaults());
                TrainedModel model = TrainedModel.load(directory, backend)) {
            Sampler sampler = new Sampler(0.8, 40, 1, 42); // temperature, top k, top p, seed
            System.out.println(model.generate("The", 100, sampler, part -> {}));
        }
    }
}
