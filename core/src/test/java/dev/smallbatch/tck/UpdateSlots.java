package dev.smallbatch.tck;

import dev.smallbatch.core.spi.UpdateKernels;
import java.util.Arrays;

/** The scalars of updates, each in its slot. */
final class UpdateSlots {
    private UpdateSlots() {}

    /** The scalars of a step with that number. */
    static float[] at(long step, float[] slots) {
        float[] s = slots.clone();
        s[UpdateKernels.STEP_LOW] = Float.intBitsToFloat((int) step);
        s[UpdateKernels.STEP_HIGH] = Float.intBitsToFloat((int) (step >>> 32));
        return s;
    }

    static float[] sgdSlots(double learningRate, double scale, double decay, double momentum) {
        return momentumSlots(learningRate, scale, decay, momentum, 1, momentum, 1);
    }

    static float[] momentumSlots(double learningRate, double scale, double decay, double keep, double take, double stepKeep,
            double stepTake) {
        float[] s = slots(UpdateKernels.MOMENTUM_SLOTS, learningRate, scale, decay);
        s[UpdateKernels.KEEP] = (float) keep;
        s[UpdateKernels.TAKE] = (float) take;
        s[UpdateKernels.STEP_KEEP] = (float) stepKeep;
        s[UpdateKernels.STEP_TAKE] = (float) stepTake;
        return s;
    }

    static float[] rootSlots(double learningRate, double scale, double decay, double keep, double take, double epsilon) {
        float[] s = slots(UpdateKernels.ROOT_SLOTS, learningRate, scale, decay);
        s[UpdateKernels.KEEP] = (float) keep;
        s[UpdateKernels.TAKE] = (float) take;
        s[UpdateKernels.ROOT_EPSILON] = (float) epsilon;
        return s;
    }

    /** Of update {@code k} with power 0.999. */
    static float[] adafactorSlots(double learningRate, double scale, double decay, int k) {
        float[] s = slots(UpdateKernels.ADAFACTOR_SLOTS, learningRate, scale, decay);
        s[UpdateKernels.KEEP] = (float) (1 - Math.pow(k, -0.999));
        s[UpdateKernels.TAKE] = (float) Math.pow(k, -0.999);
        s[UpdateKernels.SQUARE_ADDED] = 1e-30f;
        s[UpdateKernels.SMALLEST_SCALE] = 1e-3f;
        s[UpdateKernels.LARGEST_STEP] = 1;
        return s;
    }

    /** Of update {@code k} where divisors are bounded, some of them below {@code leastRoot}. */
    static float[] boundedAdafactorSlots(double leastRoot, double largestStep, int k) {
        float[] s = adafactorSlots(0.01, 0.5, 1e-3, k);
        s[UpdateKernels.SQUARE_ADDED] = 0;
        s[UpdateKernels.LEAST_ROOT] = (float) leastRoot;
        s[UpdateKernels.SMALLEST_SCALE] = 2;
        s[UpdateKernels.LARGEST_STEP] = (float) largestStep;
        return s;
    }

    static float[] sophiaSlots(double learningRate, double scale, double decay, double gamma, double epsilon) {
        float[] s = Arrays.copyOf(momentumSlots(learningRate, scale, decay, 0.965, 0.035, 0.965, 0.035), UpdateKernels.SOPHIA_SLOTS);
        s[UpdateKernels.GAMMA] = (float) gamma;
        s[UpdateKernels.SOPHIA_EPSILON] = (float) epsilon;
        return s;
    }

    private static float[] slots(int count, double learningRate, double scale, double decay) {
        float[] s = new float[count];
        s[UpdateKernels.LEARNING_RATE] = (float) learningRate;
        s[UpdateKernels.GRADIENT_SCALE] = (float) scale;
        s[UpdateKernels.DECAY] = (float) (learningRate * decay);
        return s;
    }

    static float[] adamWSlots(double learningRate, double scale, double decay, double beta1, double beta2, double epsilon,
            int step) {
        float[] s = slots(UpdateKernels.ADAMW_SLOTS, learningRate, scale, decay);
        s[UpdateKernels.BETA1] = (float) beta1;
        s[UpdateKernels.ONE_MINUS_BETA1] = (float) (1 - beta1);
        s[UpdateKernels.BETA2] = (float) beta2;
        s[UpdateKernels.ONE_MINUS_BETA2] = (float) (1 - beta2);
        s[UpdateKernels.CORRECTION1] = (float) (1 / (1 - Math.pow(beta1, step)));
        s[UpdateKernels.CORRECTION2_ROOT] = (float) (1 / Math.sqrt(1 - Math.pow(beta2, step)));
        s[UpdateKernels.EPSILON] = (float) epsilon;
        return s;
    }

    /** What other rules than AdamW itself have in its slots. */
    static float[] with(float[] adamWSlots, double gradientShare, double centred, double squareEpsilon) {
        adamWSlots[UpdateKernels.GRADIENT_SHARE] = (float) gradientShare;
        adamWSlots[UpdateKernels.CENTRED] = (float) centred;
        adamWSlots[UpdateKernels.SQUARE_EPSILON] = (float) squareEpsilon;
        return adamWSlots;
    }

    /** Steps along the moment alone. */
    static float[] withoutRoot(float[] adamWSlots) {
        adamWSlots[UpdateKernels.CORRECTION2_ROOT] = 0;
        return adamWSlots;
    }

    /** Of update {@code k}, with beta 0.9, at a constant rate; a second decay of 0.99. */
    static float[] scheduleFreeSlots(double learningRate, double scale, double decay, int k) {
        float[] s = slots(UpdateKernels.SCHEDULE_FREE_SLOTS, learningRate, scale, decay);
        double share = 1.0 / k;
        s[UpdateKernels.KEEP] = (float) (1 - share);
        s[UpdateKernels.TAKE] = (float) (0.1 * (1 - share));
        s[UpdateKernels.STEP_KEEP] = (float) (share * 9);
        s[UpdateKernels.STEP_TAKE] = (float) (0.1 + 0.9 * share);
        s[UpdateKernels.SECOND_KEEP] = 0.99f;
        s[UpdateKernels.SECOND_TAKE] = 0.01f;
        s[UpdateKernels.SECOND_ROOT] = (float) (1 / Math.sqrt(1 - Math.pow(0.99, k)));
        s[UpdateKernels.SECOND_EPSILON] = 1e-8f;
        return s;
    }
}
