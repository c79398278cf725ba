package dev.smallbatch.bench;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaFieldAccess;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.lang.conditions.ArchConditions;
import com.tngtech.archunit.library.Architectures;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.BaseStream;
import org.junit.jupiter.api.Test;

/** The rules of ARCHITECTURE.md, for the main code of every module. Each failure says how to comply. */
class ArchitectureTest {
    private static final String BASE = "dev.smallbatch.";
    private static final String CORE = BASE + "core..";
    private static final String OPTIM = BASE + "optim..";
    private static final String MODEL = BASE + "model..";
    private static final String BENCH = BASE + "bench..";
    private static final String TORNADO = BASE + "tornado..";
    private static final String VECTOR = BASE + "core.cpu.vector..";
    private static final String VECTOR_API = "jdk.incubator.vector..";

    private static final JavaClasses MAIN = new ClassFileImporter()
            .withImportOption(location -> !location.contains("jmh_generated"))
            .importPaths(SourceTree.MODULES.stream().map(SourceTree::classes).toList());

    @Test
    void coreNeedsTheJdkAlone() {
        classes().that().resideInAPackage(CORE).should().onlyDependOnClassesThat()
                .resideInAnyPackage(CORE, "java..", VECTOR_API)
                .because("core has no dependencies: use java.util, or put the code into optim or model")
                .check(MAIN);
    }

    @Test
    void optimSeesCoreAlone() {
        noClasses().that().resideInAPackage(OPTIM).should().dependOnClassesThat().resideInAnyPackage(MODEL, BENCH, TORNADO)
                .because("optim knows no models: models enter as a LossModel, data as a BatchSource")
                .check(MAIN);
    }

    @Test
    void modelSeesOptimAndCoreAlone() {
        noClasses().that().resideInAPackage(MODEL).should().dependOnClassesThat().resideInAnyPackage(BENCH, TORNADO)
                .because("model stands on optim and core: backends are opened by name with Backends.open")
                .check(MAIN);
    }

    @Test
    void nobodySeesTheAcceleratorAndItSeesCoreAlone() {
        noClasses().that().resideOutsideOfPackage(TORNADO).should().dependOnClassesThat().resideInAPackage(TORNADO)
                .because("the accelerator is found at run time: open it with Backends.open(\"tornado\", options)")
                .check(MAIN);
        classes().that().resideInAPackage(TORNADO).should().onlyDependOnClassesThat()
                .resideInAnyPackage(TORNADO, CORE, "java..", "uk.ac.manchester.tornado..")
                .because("a backend implements the contract of core.spi and needs nothing above core")
                .check(MAIN);
    }

    @Test
    void onlyTheVectorBackendAndTheLabImportTheVectorApi() {
        noClasses().that().resideOutsideOfPackages(VECTOR, BASE + "bench.lab..", BASE + "bench.measure..")
                .should().dependOnClassesThat().resideInAPackage(VECTOR_API)
                .because("vector code belongs in core.cpu.vector: everything else must load without the incubator module")
                .check(MAIN);
    }

    @Test
    void theVectorProviderLoadsWithoutTheVectorApi() {
        noClasses().that().haveSimpleName("VectorBackendProvider")
                .should().dependOnClassesThat().resideInAPackage(VECTOR_API)
                .because("the provider is loaded where the incubator module is absent: move vector types into VectorBackend")
                .check(MAIN);
    }

    @Test
    void onlyRegionsOwnArenas() {
        noClasses().that().resideOutsideOfPackage(BASE + "core.tensor..")
                .should().dependOnClassesThat().belongToAnyOf(Arena.class)
                .because("native memory is allocated from a core.tensor.Region, which counts it and closes it")
                .check(MAIN);
    }

    @Test
    void onlyFileCodeWrapsArraysAsSegments() {
        noClasses().that().resideOutsideOfPackage(BASE + "core.io..").should(callMethod("ofArray", MemorySegment.class))
                .because("a kernel that has met heap segments runs at half speed: copy into a Tensor with copyFrom")
                .check(MAIN);
    }

    @Test
    void nobodyUsesUnsafe() {
        noClasses().should().dependOnClassesThat(JavaClass.Predicates.resideInAnyPackage("sun..", "jdk.internal..", "com.sun..")
                        .and(DescribedPredicate.not(JavaClass.Predicates.resideInAPackage("com.sun.management"))))
                .because("bounds checks stay on: read memory through MemorySegment")
                .check(MAIN);
    }

    @Test
    void threadsAreThoseOfParallel() {
        noClasses().should(callMethod("parallelStream")).orShould(callMethod("parallel", BaseStream.class))
                .orShould(callArraysParallel())
                .because("work is cut into a fixed grid and run by core.cpu.Parallel, so that results do not depend on threads")
                .check(MAIN);
    }

    @Test
    void onlyTheCommandLinePrints() {
        noClasses().that().resideOutsideOfPackages(BASE + "model.cli..", BASE + "bench.peers..").should(printToTheConsole())
                .because("a library logs through System.Logger or returns text; printing belongs in model.cli or bench.peers")
                .check(MAIN);
    }

    @Test
    void randomNumbersComeFromKeys() {
        noClasses().should().dependOnClassesThat().belongToAnyOf(Random.class, ThreadLocalRandom.class, SplittableRandom.class)
                .orShould(callMethod("random", Math.class))
                .because("random numbers are a function of (seed, path, index): fork a core.rand.RandomKey")
                .check(MAIN);
    }

    @Test
    void packagesOfCoreFormLayers() {
        String core = BASE + "core.";
        Architectures.layeredArchitecture().consideringOnlyDependenciesInLayers()
                .layer("tensor").definedBy(core + "tensor..")
                .layer("rand").definedBy(core + "rand..")
                .layer("io").definedBy(core + "io..")
                .layer("spi").definedBy(core + "spi..")
                .layer("cpu").definedBy(core + "cpu..")
                .layer("replay").definedBy(core + "replay..")
                .layer("autograd").definedBy(core + "autograd..")
                .whereLayer("tensor").mayNotAccessAnyLayer()
                .whereLayer("rand").mayOnlyAccessLayers("tensor")
                .whereLayer("io").mayOnlyAccessLayers("tensor")
                .whereLayer("spi").mayOnlyAccessLayers("tensor")
                .whereLayer("cpu").mayOnlyAccessLayers("tensor", "rand", "spi")
                .whereLayer("replay").mayOnlyAccessLayers("tensor", "spi")
                .whereLayer("autograd").mayOnlyAccessLayers("tensor", "spi")
                .because("tensors know no kernels, kernels no tape, backends not each other's callers:"
                        + " reach a backend through the interfaces of core.spi")
                .check(MAIN);
    }

    @Test
    void cpuBackendsDoNotSeeEachOther() {
        for (String one : List.of("scalar", "vector", "none")) {
            DescribedPredicate<JavaClass> own = JavaClass.Predicates.resideInAPackage(BASE + "core.cpu." + one + "..");
            noClasses().that(own).should().dependOnClassesThat(
                            JavaClass.Predicates.resideInAPackage(BASE + "core.cpu.*..").and(DescribedPredicate.not(own)))
                    .because("a backend checked against another must not share its code; core.cpu itself holds what both need")
                    .check(MAIN);
        }
    }

    @Test
    void kernelsHaveNoDefaults() {
        methods().that().areDeclaredInClassesThat().resideInAPackage(BASE + "core.spi")
                .and().areDeclaredInClassesThat().areInterfaces()
                .and().areDeclaredInClassesThat().haveSimpleNameEndingWith("Kernels")
                .should().haveModifier(JavaModifier.ABSTRACT)
                .because("a default would be a slow operation that nobody notices: every backend implements every kernel")
                .check(MAIN);
    }

    @Test
    void staticFieldsDoNotChange() {
        fields().that().areStatic().should().beFinal()
                .because("state belongs to an object that somebody owns: make the field final, or move it into an instance")
                .check(MAIN);
    }

    @Test
    void kernelsTakeNoLocks() {
        methods().that().areDeclaredInClassesThat().resideInAPackage(BASE + "core.cpu..")
                .should().notHaveModifier(JavaModifier.SYNCHRONIZED)
                .because("tasks of a grid write parts of their own: no lock is needed inside Parallel.run")
                .check(MAIN);
        for (Path source : SourceTree.javaSources("core", "main")) {
            if (SourceTree.name(source).contains("/core/cpu/")) {
                assertEquals(-1, CodeLines.code(SourceTree.read(source)).indexOf("synchronized"), SourceTree.name(source)
                        + " has a synchronized block; tasks of a grid write parts of their own: Parallel.run needs no lock");
            }
        }
    }

    @Test
    void nobodyHasFinalizers() {
        noClasses().should(new ArchCondition<>("declare finalize()") {
            @Override
            public void check(JavaClass item, ConditionEvents events) {
                boolean found = item.getMethods().stream().anyMatch(ArchitectureTest::isFinalizer);
                events.add(new SimpleConditionEvent(item, found, item.getName() + " declares finalize()"));
            }
        }).because("memory is closed by its owner: implement AutoCloseable").check(MAIN);
    }

    private static boolean isFinalizer(JavaMethod method) {
        return method.getName().equals("finalize") && method.getRawParameterTypes().isEmpty();
    }

    /** Calls of a method of that name; declared by {@code owner} or a type below it, if one is given. */
    private static ArchCondition<JavaClass> callMethod(String name, Class<?>... owner) {
        return ArchConditions.callMethodWhere(new DescribedPredicate<>("the method is " + name) {
            @Override
            public boolean test(JavaMethodCall call) {
                AccessTarget.MethodCallTarget target = call.getTarget();
                return target.getName().equals(name)
                        && (owner.length == 0 || target.getOwner().isAssignableTo(owner[0]));
            }
        });
    }

    private static ArchCondition<JavaClass> callArraysParallel() {
        return ArchConditions.callMethodWhere(new DescribedPredicate<>("the method is one of Arrays.parallel...") {
            @Override
            public boolean test(JavaMethodCall call) {
                return call.getTargetOwner().isEquivalentTo(Arrays.class) && call.getName().startsWith("parallel");
            }
        });
    }

    private static ArchCondition<JavaClass> printToTheConsole() {
        return ArchConditions.accessFieldWhere(new DescribedPredicate<>("the field is System.out or System.err") {
            @Override
            public boolean test(JavaFieldAccess access) {
                return access.getTargetOwner().isEquivalentTo(System.class) && List.of("out", "err").contains(access.getName());
            }
        });
    }
}
