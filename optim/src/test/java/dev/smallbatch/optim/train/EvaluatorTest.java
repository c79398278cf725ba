package dev.smallbatch.optim.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.optim.TinyRun;
import dev.smallbatch.optim.TinyText;
import dev.smallbatch.tck.LeakCheck;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class EvaluatorTest {
    @Test
    void theLossIsTheMeanOverTargetsNotOverBatches() {
        try (TinyRun run = new TinyRun()) {
            TinyText text = new TinyText(3, TinyRun.LENGTH);
            BatchSource mostlyMaskedAtFirst = (step, tokens, targets) -> {
                text.fill(step, tokens, targets);
                if (step == 0) {
                    Arrays.fill(targets, 1, targets.length, -1);
                }
            };
            double first = evaluate(run, mostlyMaskedAtFirst, 0);
            double second = evaluate(run, mostlyMaskedAtFirst, 1);
            int targets = 2 * TinyRun.LENGTH;
            double both = new Evaluator(run.model, run.backend.kernels(), run.step, run.evalBatch, mostlyMaskedAtFirst, 2).loss();
            assertEquals((first + targets * second) / (1 + targets), both, 1e-12);
        }
    }

    private static double evaluate(TinyRun run, BatchSource source, long step) {
        BatchSource shifted = (ignored, tokens, targets) -> source.fill(step, tokens, targets);
        return new Evaluator(run.model, run.backend.kernels(), run.step, run.evalBatch, shifted, 1).loss();
    }

    @Test
    void evaluatingChangesNothingAndRepeatsItself() {
        try (TinyRun run = new TinyRun()) {
            run.train(0);
            float[] before = run.everything();
            Evaluator evaluator = run.evaluator(3);
            assertEquals(evaluator.loss(), evaluator.loss());
            assertArrayEquals(before, run.everything());
        }
    }

    @Test
    void noBatchesAreRefused() {
        try (TinyRun run = new TinyRun()) {
            assertThrows(IllegalArgumentException.class, () -> run.evaluator(0));
        }
    }
}
