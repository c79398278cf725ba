package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.Kernels;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The suite leaves nothing of the contract out. */
class CoverageTest {
    private final BackendConformance suite = new BackendConformance() {
        @Override
        protected Backend open(int threads) {
            throw new IllegalStateException("only the tables are read");
        }
    };
    private final List<FamilyCases> families = List.of(suite.new Matmul(), suite.new Norm(), suite.new Activation(),
            suite.new Attention(), suite.new Embedding(), suite.new Loss(), suite.new Elementwise(), suite.new Update(),
            suite.new QuantizedUpdate());

    @Test
    void everyFamilyOfKernelsHasAClassOfCases() {
        Set<Class<?>> contract = Arrays.stream(Kernels.class.getRecordComponents()).map(RecordComponent::getType).collect(Collectors.toSet());
        assertEquals(contract, families.stream().map(FamilyCases::family).collect(Collectors.toSet()));
    }

    @Test
    void everyMethodOfEveryFamilyHasCases() {
        for (FamilyCases cases : families) {
            assertEquals(methods(cases).map(Method::getName).collect(Collectors.toSet()),
                    cases.cases().stream().map(OpCase::op).collect(Collectors.toSet()));
        }
    }

    @Test
    void everyBackwardKernelHasAGradientCheck() {
        for (FamilyCases cases : families) {
            Set<String> checked = cases.gradients().stream().map(g -> g.backward().op()).collect(Collectors.toSet());
            methods(cases).map(Method::getName).filter(name -> name.endsWith("Backward"))
                    .forEach(name -> assertTrue(checked.contains(name), name));
        }
    }

    @Test
    void kernelInterfacesHaveNeitherDefaultMethodsNorOverloads() {
        families.stream().map(FamilyCases::family).forEach(family -> {
            Method[] methods = family.getDeclaredMethods();
            for (Method method : methods) {
                assertTrue(Modifier.isAbstract(method.getModifiers()), () -> method + " has a body");
            }
            long names = Arrays.stream(methods).map(Method::getName).distinct().count();
            assertEquals(methods.length, names, family + " has overloads");
        });
    }

    @Test
    void theFirstCallOfEveryOperationCanBeMadeWrongAlongEveryAxis() {
        for (FamilyCases cases : families) {
            Set<String> seen = new TreeSet<>();
            cases.cases().stream().filter(c -> seen.add(c.op())).flatMap(c -> c.args().stream()).forEach(arg -> {
                for (int axis = 0; !arg.isAbsent() && axis < arg.shape().rank(); axis++) {
                    boolean changeable = arg.freeAxes().contains(axis) || arg.shape().dim(axis) >= 2 || arg.shape().numel() == 1;
                    assertTrue(changeable, arg.name() + " " + arg.shape());
                }
            });
        }
    }

    private static Stream<Method> methods(FamilyCases cases) {
        return Arrays.stream(cases.family().getDeclaredMethods());
    }
}
