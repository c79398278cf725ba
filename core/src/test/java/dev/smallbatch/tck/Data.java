package dev.smallbatch.tck;

import java.util.SplittableRandom;

/** Seeded test data. */
final class Data {
    private Data() {}

    /** Normal numbers of mean 0 and standard deviation 1. */
    static float[] normal(long seed, long count) {
        return normal(seed, count, 0, 1);
    }

    static float[] normal(long seed, long count, double mean, double deviation) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (mean + deviation * random.nextGaussian());
        }
        return values;
    }

    /** Integers in [0, bound), with repetitions. */
    static int[] ids(long seed, long count, int bound) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] values = new int[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextInt(bound);
        }
        return values;
    }

    /** Each element 1 or -1. */
    static double[] direction(long seed, int count) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextBoolean() ? 1 : -1;
        }
        return values;
    }

    static float[] constant(float value, long count) {
        float[] values = new float[Math.toIntExact(count)];
        java.util.Arrays.fill(values, value);
        return values;
    }

    static double[] toDoubles(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    static float[] toFloats(double[] values) {
        float[] narrow = new float[values.length];
        for (int i = 0; i < narrow.length; i++) {
            narrow[i] = (float) values[i];
        }
        return narrow;
    }
}
