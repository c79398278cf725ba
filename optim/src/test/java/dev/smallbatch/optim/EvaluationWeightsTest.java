package dev.smallbatch.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.optim.checkpoint.CheckpointStore;
import dev.smallbatch.optim.checkpoint.RunIdentity;
import dev.smallbatch.optim.rule.Rules;
import dev.smallbatch.optim.train.StepStats;
import dev.smallbatch.optim.train.TrainConfig;
import dev.smallbatch.optim.train.TrainLoop;
import dev.smallbatch.optim.train.TrainState;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Rules that train other weights than those to evaluate. */
@ExtendWith(LeakCheck.class)
class EvaluationWeightsTest {
    private static final int STEPS = 8;

    @TempDir
    Path folder;

    private static Stream<Arguments> averagesAndTypes() {
        return Stream.of(Rules.SCHEDULE_FREE_SGD, Rules.SCHEDULE_FREE_ADAMW, Rules.AVERAGED_ADAMW)
                .flatMap(rules -> Stream.of(Arguments.of(rules, DType.F32), Arguments.of(rules, DType.BF16)));
    }

    private static TinyRun run(Rules rules, DType dtype) {
        return new TinyRun(rules.groups(0.05), Clipping.none(), 1, 1, dtype, Rounding.STOCHASTIC);
    }

    private static void train(TinyRun run) {
        for (int step = 0; step < STEPS; step++) {
            run.train(step);
        }
    }

    private static float[] evaluated(TinyRun run) {
        try (Optimizer.Evaluation _ = run.optimizer.evaluation()) {
            return run.weights();
        }
    }

    private CheckpointStore store() {
        return new CheckpointStore(folder.resolve("checkpoint"),
                new RunIdentity(TinyRun.SEED, JsonNodeFactory.instance.objectNode(), "scalar", "0.1"));
    }

    @ParameterizedTest
    @MethodSource("averagesAndTypes")
    void evaluatingAfterEveryStepChangesNoBitOfARun(Rules rules, DType dtype) {
        try (TinyRun undisturbed = run(rules, dtype); TinyRun run = run(rules, dtype)) {
            train(undisturbed);
            for (int step = 0; step < STEPS; step++) {
                run.train(step);
                evaluated(run);
            }
            assertArrayEquals(undisturbed.everything(), run.everything());
            assertFalse(Arrays.equals(run.weights(), evaluated(run)), "the same weights");
        }
    }

    @ParameterizedTest
    @MethodSource("averagesAndTypes")
    void theModelOfACheckpointIsTheOneToEvaluate(Rules rules, DType dtype) throws IOException {
        try (TinyRun run = run(rules, dtype); Region region = Region.create("read", 1 << 16)) {
            train(run);
            store().save(STEPS, 1, run.optimizer);
            List<float[]> stored = new ArrayList<>();
            try (SafeTensors model = SafeTensors.open(folder.resolve("checkpoint/model.safetensors"))) {
                for (Parameter parameter : run.model.parameters()) {
                    stored.add(TinyRun.floats(model.read(parameter.name(), region)));
                }
            }
            assertArrayEquals(evaluated(run), TinyRun.joined(stored));
        }
    }

    @ParameterizedTest
    @MethodSource("averagesAndTypes")
    void aTrainingLoopEvaluatesTheWeightsToEvaluate(Rules rules, DType dtype) throws IOException {
        try (TinyRun run = run(rules, dtype)) {
            List<StepStats> heard = new ArrayList<>();
            new TrainLoop(new TrainConfig(STEPS, 0, STEPS, 0), run.source, run.batch, run.trainStep, run.evaluator(2), null,
                    List.of(heard::add)).run(TrainState.start());
            double trained = run.evaluator(2).loss();
            try (Optimizer.Evaluation _ = run.optimizer.evaluation()) {
                assertEquals(run.evaluator(2).loss(), heard.getLast().evalLoss().orElseThrow());
            }
            assertTrue(trained != heard.getLast().evalLoss().orElseThrow(), "the loss of the weights that are trained");
        }
    }

    @ParameterizedTest
    @MethodSource("averagesAndTypes")
    void nothingIsUpdatedDuringAnEvaluation(Rules rules, DType dtype) {
        try (TinyRun run = run(rules, dtype)) {
            try (Optimizer.Evaluation _ = run.optimizer.evaluation()) {
                String message = assertThrows(IllegalStateException.class, () -> run.train(0)).getMessage();
                assertTrue(message.contains("close the evaluation first"), message);
                assertThrows(IllegalStateException.class, run.optimizer::accumulate);
                assertThrows(IllegalStateException.class, run.optimizer::evaluation);
            }
            run.train(0);
        }
    }
}
