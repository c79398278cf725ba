package dev.smallbatch.tck;

import dev.smallbatch.core.spi.Backend;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The conformance suite of back ends. To run it, extend this class and say how to open yours:
 *
 * <pre>{@code
 * class MyConformanceTest extends BackendConformance {
 *     @Override
 *     protected Backend open(int threads) {
 *         return Backends.open("mine", new BackendOptions(threads));
 *     }
 * }
 * }</pre>
 *
 * Every operation of {@link dev.smallbatch.core.spi.Kernels} is compared with an oracle in double over tables of shapes,
 * between guards, at odd offsets, on 1, 2 and 7 threads, recorded and replayed; wrong calls must be refused; a model of
 * two layers must train like its oracle. Run it with assertions enabled.
 */
@ExtendWith(LeakCheck.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class BackendConformance {
    private static final int[] THREADS = {1, 2, 7};

    private final Map<Integer, Backend> backends = new TreeMap<>();

    /**
     * Opens the back end under test with checked arguments, as {@link dev.smallbatch.core.spi.Backends#open} does. The
     * suite closes it.
     *
     * @param threads threads that compute
     */
    protected abstract Backend open(int threads);

    /** How strictly to compare; override it for devices whose basic operations are not correctly rounded. */
    protected Tolerance tolerance() {
        return Tolerance.STRICT;
    }

    final Backend backend(int threads) {
        return backends.get(threads);
    }

    @BeforeAll
    final void openBackends() {
        for (int threads : THREADS) {
            backends.put(threads, open(threads));
        }
    }

    @AfterAll
    final void closeBackends() {
        backends.values().forEach(Backend::close);
    }

    @Nested
    class Matmul extends MatmulCases {
        Matmul() {
            super(BackendConformance.this);
        }
    }

    @Nested
    class Norm extends NormCases {
        Norm() {
            super(BackendConformance.this);
        }
    }

    @Nested
    class Activation extends ActivationCases {
        Activation() {
            super(BackendConformance.this);
        }
    }

    @Nested
    class Attention extends AttentionCases {
        Attention() {
            super(BackendConformance.this);
        }
    }

    @Nested
    class Embedding extends EmbeddingCases {
        Embedding() {
            super(BackendConformance.this);
        }
    }

    @Nested
    class Loss extends LossCases {
        Loss() {
            super(BackendConformance.this);
        }
    }

    @Nested
    class Elementwise extends ElementwiseCases {
        Elementwise() {
            super(BackendConformance.this);
        }
    }

    @Nested
    class QuantizedUpdate extends QuantizedUpdateCases {
        QuantizedUpdate() {
            super(BackendConformance.this);
        }
    }

    @Nested
    class Update extends UpdateCases {
        Update() {
            super(BackendConformance.this);
        }
    }

    @Nested
    class WeightRounding extends WeightRoundingCases {
        WeightRounding() {
            super(BackendConformance.this);
        }
    }

    @Nested
    class WholeModel extends TinyGptCases {
        WholeModel() {
            super(BackendConformance.this);
        }
    }
}
