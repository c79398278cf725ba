package dev.smallbatch.optim.batch;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * What is usually tuned at one batch size, and what becomes of it at another. Immutable; prints every number that follows, so
 * that a run can be repeated.
 *
 * <pre>{@code
 * Hyperparameters large = Hyperparameters.of(512, 1024, 2_470_640_640L, 2.4e-3,
 *         new Decay.PerStep(0.9), new Decay.PerStep(0.95));
 * Hyperparameters one = large.forBatch(1, 1024, LearningRateScaling.OBSERVED);    // beta2 0.99990, beta1 0.9
 * }</pre>
 *
 * @param batchSize sequences per update
 * @param sequenceLength tokens of each
 * @param tokens of the whole run
 * @param peakLearningRate after the warm-up
 * @param beta1 decay of the mean of gradients; beta 0 for an optimizer without one
 * @param beta2 decay of the mean of their squares; beta 0 for an optimizer without one
 * @param weightDecay decoupled
 * @param warmupFraction part of the run in which the learning rate rises
 * @param reference what this was made from by {@link #forBatch}, or null
 * @see <a href="https://arxiv.org/abs/2507.07101">Marek et al. 2025, section 3</a>
 */
public record Hyperparameters(int batchSize, int sequenceLength, long tokens, double peakLearningRate, Decay beta1, Decay beta2,
        double weightDecay, double warmupFraction, Hyperparameters reference) {
    /** Weight decay that goes with hundreds of sequences; with one it is left out. */
    public static final double LARGE_BATCH_WEIGHT_DECAY = 0.1;

    /** From here on a share of the run is long for an average, and fewer steps are short; neither is from the paper. */
    private static final double LONG_HALF_LIFE_SHARE = 0.1;
    private static final double SHORT_HALF_LIFE_STEPS = 100;
    private static final double STEEP_EXPONENT = 0.4;
    private static final double CLOSE_TO_ONE = 0.999;

    public Hyperparameters {
        if (batchSize < 1 || sequenceLength < 1 || tokens < 1) {
            throw new IllegalArgumentException("hyperparameters: " + tokens + " tokens in batches of " + batchSize + " x "
                    + sequenceLength + "; at least 1");
        }
        if (!(peakLearningRate > 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("hyperparameters: learning rate " + peakLearningRate + ", weight decay "
                    + weightDecay + "; above 0, and at least 0");
        }
        Objects.requireNonNull(beta1, "beta1");
        Objects.requireNonNull(beta2, "beta2");
        RunLength.warmupSteps(warmupFraction, 1);
    }

    /** Without weight decay, with the usual warm-up. */
    public static Hyperparameters of(int batchSize, int sequenceLength, long tokens, double peakLearningRate, Decay beta1,
            Decay beta2) {
        return new Hyperparameters(batchSize, sequenceLength, tokens, peakLearningRate, beta1, beta2, 0,
                RunLength.WARMUP_FRACTION, null);
    }

    /** The same with another learning rate. */
    public Hyperparameters withPeakLearningRate(double lr) {
        return new Hyperparameters(batchSize, sequenceLength, tokens, lr, beta1, beta2, weightDecay, warmupFraction, reference);
    }

    /** The same with another second decay. */
    public Hyperparameters withBeta2(Decay decay) {
        return new Hyperparameters(batchSize, sequenceLength, tokens, peakLearningRate, beta1, decay, weightDecay, warmupFraction,
                reference);
    }

    /** The same with another weight decay. */
    public Hyperparameters withWeightDecay(double decay) {
        return new Hyperparameters(batchSize, sequenceLength, tokens, peakLearningRate, beta1, beta2, decay, warmupFraction,
                reference);
    }

    /** The same with another warm-up. */
    public Hyperparameters withWarmupFraction(double fraction) {
        return new Hyperparameters(batchSize, sequenceLength, tokens, peakLearningRate, beta1, beta2, weightDecay, fraction,
                reference);
    }

    /**
     * The same run in other batches: beta2 keeps its half-life in tokens, beta1 stays as it is per step, the learning rate is
     * scaled, and at batch size 1 there is no weight decay.
     */
    public Hyperparameters forBatch(int newBatchSize, int newSequenceLength, LearningRateScaling scaling) {
        long before = tokensPerStep();
        long after = (long) newBatchSize * newSequenceLength;
        return new Hyperparameters(newBatchSize, newSequenceLength, tokens, scaling.scale(peakLearningRate, before, after),
                new Decay.PerStep(beta1.perStep(before)), new Decay.HalfLife(halfLife(beta2)),
                newBatchSize == 1 ? 0 : weightDecay, warmupFraction, this);
    }

    /** Tokens of an update. */
    public long tokensPerStep() {
        return (long) batchSize * sequenceLength;
    }

    /** Updates of the run. */
    public long steps() {
        return RunLength.steps(tokens, tokensPerStep());
    }

    /** Updates in which the learning rate rises. */
    public long warmupSteps() {
        return RunLength.warmupSteps(warmupFraction, steps());
    }

    /** Tokens after which a gradient counts half in the first average; 0 without one. */
    public double beta1HalfLife() {
        return halfLife(beta1);
    }

    /** Tokens after which a gradient counts half in the second average; 0 without one. */
    public double beta2HalfLife() {
        return halfLife(beta2);
    }

    private double halfLife(Decay decay) {
        return decay instanceof Decay.HalfLife(double given) ? given
                : Decay.toHalfLife(decay.perStep(tokensPerStep()), tokensPerStep());
    }

    /** Every number with where it comes from, a line each. */
    public List<String> explain() {
        List<String> lines = new ArrayList<>();
        lines.add(text("batches of %d x %,d = %,d tokens", batchSize, sequenceLength, tokensPerStep()));
        lines.add(text("%,d steps for %,d tokens, %,d of them warm-up", steps(), tokens, warmupSteps()));
        lines.add(text("learning rate %s%s", digits(peakLearningRate, 4), reference == null ? ""
                : text(", at %,d tokens per step %s", reference.tokensPerStep(), digits(reference.peakLearningRate, 4))));
        if (beta1HalfLife() > 0) {
            lines.add(text("beta1 %s at every batch size", digits(beta1.perStep(tokensPerStep()), 6)));
        }
        if (beta2HalfLife() > 0) {
            lines.add(text("beta2 %s: a half-life of %,.0f tokens%s", digits(beta2.perStep(tokensPerStep()), 10),
                    beta2HalfLife(), reference == null ? "" : text(", which beta2 %s has at %,d tokens per step",
                    digits(reference.beta2.perStep(reference.tokensPerStep()), 6), reference.tokensPerStep())));
        }
        lines.add(weightDecay > 0 ? "weight decay " + digits(weightDecay, 4)
                : "no weight decay" + (batchSize == 1 ? ": at batch size 1 the published runs have none" : ""));
        return lines;
    }

    /** What is probably a mistake, a line each; empty if nothing is. */
    public List<String> warnings() {
        List<String> warnings = new ArrayList<>();
        warnAboutHalfLife(warnings);
        warnAboutFloats(warnings, "beta1", beta1);
        warnAboutFloats(warnings, "beta2", beta2);
        if (reference != null && reference.tokensPerStep() != tokensPerStep()) {
            warnAboutReference(warnings);
        }
        return warnings;
    }

    private void warnAboutHalfLife(List<String> warnings) {
        double halfLife = beta2HalfLife();
        Decay.HalfLife usual = Decay.HalfLife.ofSecondMoment(tokens, tokensPerStep());
        if (halfLife > LONG_HALF_LIFE_SHARE * tokens && halfLife > usual.tokens()) {
            warnings.add(text("the half-life of beta2, %,.0f tokens, is %.0f %% of the run, which ends before the average has"
                    + " settled; %,.0f tokens are usual", halfLife, 100 * halfLife / tokens, usual.tokens()));
        }
        double steps = halfLife / tokensPerStep();
        if (batchSize == 1 && halfLife > 0 && steps < SHORT_HALF_LIFE_STEPS && halfLife < usual.tokens()) {
            warnings.add(text("beta2 %s forgets half within %s steps: at batch size 1 the average of so few gradients is"
                    + " mostly noise; a half-life of %,.0f tokens (beta2 %s) is usual",
                    digits(beta2.perStep(tokensPerStep()), 6), digits(steps, 3), usual.tokens(),
                    digits(usual.perStep(tokensPerStep()), 6)));
        }
    }

    private static void warnAboutFloats(List<String> warnings, String name, Decay decay) {
        if (decay instanceof Decay.PerStep(double beta) && beta > CLOSE_TO_ONE && beta == (float) beta) {
            warnings.add(text("%s %s has only the digits of a float, which close to 1 are too few; give it as a double, or as a"
                    + " half-life", name, digits(beta, 9)));
        }
    }

    private void warnAboutReference(List<String> warnings) {
        double now = beta2.perStep(tokensPerStep());
        double before = reference.beta2.perStep(reference.tokensPerStep());
        if (now > 0 && now == before) {
            warnings.add(text("beta2 %s was tuned at %,d tokens per step and is the same at %,d, so that its half-life went"
                    + " from %,.0f to %,.0f tokens; keep the half-life: beta2 %s", digits(now, 6), reference.tokensPerStep(),
                    tokensPerStep(), reference.beta2HalfLife(), beta2HalfLife(),
                    digits(Decay.rescale(before, reference.tokensPerStep(), tokensPerStep()), 10)));
        }
        double exponent = LearningRateScaling.Power.exponentOf(reference.peakLearningRate, peakLearningRate,
                reference.tokensPerStep(), tokensPerStep());
        if (exponent > STEEP_EXPONENT) {
            warnings.add(text("the learning rate follows the batch with exponent %.2f (0.5 is its square root); the best one was"
                    + " seen to follow with %.3f, which makes it %s", exponent, LearningRateScaling.OBSERVED.exponent(),
                    digits(LearningRateScaling.OBSERVED.scale(reference.peakLearningRate, reference.tokensPerStep(),
                    tokensPerStep()), 4)));
        }
    }

    /** So many significant digits, without zeros at the end. */
    private static String digits(double value, int count) {
        return new BigDecimal(value).round(new MathContext(count)).stripTrailingZeros().toPlainString();
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    @Override
    public String toString() {
        return String.join("\n", explain());
    }
}
