package dev.smallbatch.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A small application on the module path and on the class path, with and without the flag of the Vector API. */
class ModulePathSmokeTest {
    private static final String FLAG = "--add-modules=jdk.incubator.vector";
    private static final String REMEDY = "start java with --add-modules jdk.incubator.vector";

    @TempDir
    static Path directory;

    /** What a Java process printed. */
    private record Run(int exit, String out, String err) {
        void requireSuccess() {
            assertEquals(0, exit, () -> "exit " + exit + "\n" + out + err);
        }
    }

    @BeforeAll
    static void compileTheApplication() {
        String sources = SourceTree.root().resolve("bench/src/test/resources/smoke").toString();
        int exit = ToolProvider.findFirst("javac").orElseThrow().run(System.out, System.err, "-Xlint:-incubating",
                "-d", application().toString(),
                "--module-path", libraries(), sources + "/module-info.java", sources + "/Smoke.java");
        assertEquals(0, exit, "the application compiles against the exported packages");
    }

    @Test
    void moduleApplicationsNeedNoFlag() throws Exception {
        assertModularRun(onModulePath());
    }

    @Test
    void moduleApplicationsMayPassTheFlag() throws Exception {
        assertModularRun(onModulePath(FLAG));
    }

    private static void assertModularRun(Run run) {
        run.requireSuccess();
        assertTrue(run.out.contains("module true"), run.out);
        assertTrue(run.out.contains("auto vector"), run.out + run.err);
        assertTrue(run.out.contains("strict vector"), run.out);
        assertTrue(run.out.contains("found tornado: "), run.out);
        assertFalse(run.err.contains("unusable"), run.err);
    }

    @Test
    void classPathApplicationsWithTheFlagGetTheVectorBackend() throws Exception {
        Run run = onClassPath(FLAG);
        run.requireSuccess();
        assertTrue(run.out.contains("module false"), run.out);
        assertTrue(run.out.contains("auto vector"), run.out + run.err);
    }

    @Test
    void classPathApplicationsWithoutTheFlagAreWarnedAndGetTheScalarBackend() throws Exception {
        Run run = onClassPath();
        run.requireSuccess();
        assertTrue(run.out.contains("found vector: module jdk.incubator.vector is not resolved; " + REMEDY), run.out);
        assertTrue(run.out.contains("auto scalar"), run.out);
        Optional<String> warning = run.err.lines().filter(line -> line.contains(REMEDY)).findFirst();
        assertTrue(warning.orElse("no such line").startsWith("WARNING"), run.err);
    }

    @Test
    void classPathApplicationsWithoutTheFlagAreRefusedTheVectorBackendByName() throws Exception {
        Run run = onClassPath();
        run.requireSuccess();
        assertTrue(run.out.contains("strict refused: backend vector was requested but is unusable"), run.out);
        assertTrue(run.out.lines().anyMatch(line -> line.startsWith("strict") && line.contains(REMEDY)), run.out);
    }

    private static Run onModulePath(String... flags) throws Exception {
        return java(flags, "--module-path", libraries() + File.pathSeparator + application(), "--module", "smoke/smoke.Smoke");
    }

    private static Run onClassPath(String... flags) throws Exception {
        return java(flags, "--class-path", libraries() + File.pathSeparator + application(), "smoke.Smoke");
    }

    private static Run java(String[] flags, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Duser.language=en", "-Xmx256m", "-XX:+UseSerialGC"));
        command.addAll(Arrays.asList(flags));
        command.addAll(Arrays.asList(arguments));
        Path out = directory.resolve("out.txt");
        Path err = directory.resolve("err.txt");
        ProcessBuilder builder = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH"));
        int exit = builder.start().waitFor();
        return new Run(exit, SourceTree.read(out), SourceTree.read(err));
    }

    private static Path application() {
        return directory.resolve("application");
    }

    /** The project's modules as compiled, and the jars that the library needs. */
    private static String libraries() {
        Stream<String> modules = Stream.of("core", "accel-tornado", "optim", "model")
                .map(module -> SourceTree.classes(module).toString());
        Stream<String> jars = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(ModulePathSmokeTest::isLibrary);
        return Stream.concat(modules, jars).collect(Collectors.joining(File.pathSeparator));
    }

    private static boolean isLibrary(String entry) {
        String name = Path.of(entry).getFileName().toString();
        return name.endsWith(".jar") && Stream.of("smallbatch", "junit", "archunit", "opentest4j", "apiguardian", "jmh", "slf4j")
                .noneMatch(name::startsWith);
    }
}
