package dev.smallbatch.bench.lab;

import dev.smallbatch.bench.measure.Work;
import dev.smallbatch.core.tensor.Tensor;
import java.util.List;

/** The versions of a kernel on operands of one size, and what all of them have to compute. */
interface LabCase {
    /**
     * One way to compute it.
     *
     * @param change what it does differently from the version before, and why that is faster
     * @param allThreads whether it uses them; the others use one
     * @param run computes, from operands to outputs
     */
    record Version(String change, boolean allThreads, Runnable run) {
        /** On one thread. */
        static Version of(String change, Runnable run) {
            return new Version(change, false, run);
        }
    }

    /**
     * What an output must hold, by the formula in double.
     *
     * @param output what the versions write
     * @param values for each element what belongs there
     * @param scales for each element what its error is relative to: the size of the terms it is summed up from
     */
    record Expected(Tensor output, double[] values, double[] scales) {
        /** The largest relative error; infinite where a number is missing. */
        double error() {
            double worst = 0;
            for (int i = 0; i < values.length; i++) {
                double error = Math.abs(output.getFlat(i) - values[i]) / scales[i];
                worst = Math.max(worst, Double.isNaN(error) ? Double.POSITIVE_INFINITY : error);
            }
            return worst;
        }
    }

    /** From the plainest to the shipped one. */
    List<Version> versions();

    /** Puts the operands back and spoils the outputs, so that nothing of a run before is left. */
    void reset();

    /** The outputs of a run after {@link #reset}. */
    List<Expected> expected();

    /** Largest relative error a version may have: that of float arithmetic in whatever order, no more. */
    double tolerance();

    /** What has to be done, however it is done. */
    Work work();
}
