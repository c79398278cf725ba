package dev.smallbatch.optim.curvature;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.tck.LeakCheck;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class GoldenLanczosTest {
    private static final String CASE = "lanczos";

    /** A full matrix, in double. */
    private static SymmetricOperator matrix(Tensor h) {
        int n = (int) h.shape().dim(0);
        return (x, y) -> {
            float[] product = new float[n];
            for (int i = 0; i < n; i++) {
                double sum = 0;
                for (int j = 0; j < n; j++) {
                    sum += (double) h.get(i, j) * x.getFlat(j);
                }
                product[i] = (float) sum;
            }
            y.copyFrom(product);
        };
    }

    /**
     * Twelve steps on a matrix of 60 rows with five eigenvalues outside its bulk. The last elements take what rounding to F32
     * does to all before them: 9e-5; the eigenvalues outside are right to 5e-7.
     */
    @Test
    void followsTheGoldenVectors() throws Exception {
        try (Region memory = Region.create("lanczos", 1 << 20);
                SafeTensors golden = SafeTensors.open(Path.of(
                        GoldenLanczosTest.class.getResource("/dev/smallbatch/optim/golden/" + CASE + ".safetensors").toURI()))) {
            Lanczos lanczos = new Lanczos(60, 12, true, memory);
            lanczos.start().copyFrom(golden.read(CASE + "/v", memory).toFloatArray());
            Lanczos.Tridiagonal reduced = lanczos.reduce(matrix(golden.read(CASE + "/H", memory)));
            compare(golden.read(CASE + "/alpha", memory), reduced.alpha());
            compare(golden.read(CASE + "/beta", memory), reduced.beta());
            Spectrum spectrum = Spectrum.of(reduced);
            compare(golden.read(CASE + "/ritz", memory), spectrum.values());
            compare(golden.read(CASE + "/weights", memory), spectrum.weights());
            assertEquals(golden.read(CASE + "/eig_true", memory).getFlat(59), spectrum.largest(), 1e-5);
        }
    }

    private static void compare(Tensor expected, double[] actual) {
        assertEquals(expected.numel(), actual.length);
        for (int i = 0; i < actual.length; i++) {
            double value = expected.getFlat(i);
            assertEquals(value, actual[i], 1e-4 + 1e-4 * Math.abs(value), "element " + i);
        }
    }
}
