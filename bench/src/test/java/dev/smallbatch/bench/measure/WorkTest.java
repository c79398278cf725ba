package dev.smallbatch.bench.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.smallbatch.core.spi.AttentionKernels;
import dev.smallbatch.core.spi.LossKernels;
import dev.smallbatch.core.spi.MatmulKernels;
import java.lang.reflect.Method;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class WorkTest {
    /** A new kernel with a matrix product in it belongs into {@link Work}, then into this list; drawing targets is a sum. */
    @Test
    void theKernelsWhoseOperationsAreCountedAreAllThereAre() {
        Set<String> names = Stream.of(MatmulKernels.class, AttentionKernels.class, LossKernels.class)
                .flatMap(family -> Stream.of(family.getMethods())).map(Method::getName)
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(Set.of("matmul", "matmulEach", "linear", "biasBackward", "attention", "attentionBackward", "attentionDecode",
                "rope", "crossEntropy", "drawTargets"), names);
    }
}
