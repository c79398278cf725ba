package dev.smallbatch.model.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The script {@code smallbatch}, with JDKs and a Maven that only say how they were called. */
@EnabledOnOs({OS.LINUX, OS.MAC})
class LauncherTest {
    @TempDir
    Path directory;
    private Path root;
    private Path home;
    private Path bin;

    @BeforeEach
    void makeAProject() throws IOException {
        root = Files.createDirectories(directory.resolve("a project"));
        Files.copy(Path.of(System.getProperty("smallbatch.root"), "smallbatch"), root.resolve("smallbatch"));
        root.resolve("smallbatch").toFile().setExecutable(true);
        Files.writeString(root.resolve("pom.xml"), "");
        for (String module : List.of("core", "optim", "model", "accel-tornado", "bench")) {
            Files.createDirectories(root.resolve(module).resolve("src/main"));
            Files.writeString(root.resolve(module).resolve("pom.xml"), "");
        }
        home = Files.createDirectories(directory.resolve("home"));
        bin = Files.createDirectories(directory.resolve("bin"));
        program(bin.resolve("mvn"), "echo \"mvn $*\" >> '" + directory.resolve("mvn.log") + "'; mkdir -p model/target/lib\n"
                + "touch model/target/smallbatch-model-1.jar; exit ${MVN_EXIT:-0}");
    }

    private static void program(Path file, String script) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/usr/bin/env bash\n" + script + "\n");
        file.toFile().setExecutable(true);
    }

    private Path jdk(Path place, String version) throws IOException {
        program(place.resolve("bin/java"), "echo \"java of " + version + ": $*\"");
        program(place.resolve("bin/javac"), "exit 0");
        Files.writeString(place.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
        return place;
    }

    /** A result of the script. */
    private record Answer(int exit, String out, String err) {}

    private Answer launch(Path script, Map<String, String> environment) throws Exception {
        Path out = directory.resolve("out.txt");
        Path err = directory.resolve("err.txt");
        ProcessBuilder builder = new ProcessBuilder(script.toString(), "demo", "--seconds", "a b").directory(directory.toFile())
                .redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().clear();
        builder.environment().putAll(Map.of("PATH", bin + ":/usr/bin:/bin", "HOME", home.toString()));
        builder.environment().putAll(environment);
        int exit = builder.start().waitFor();
        return new Answer(exit, Files.readString(out), Files.readString(err));
    }

    private Answer launch(Map<String, String> environment) throws Exception {
        return launch(root.resolve("smallbatch"), environment);
    }

    @Test
    void javaHomeIsTakenIfItIsRecentEnough() throws Exception {
        jdk(home.resolve(".jdks/other"), "25.0.9");
        Answer answer = launch(Map.of("JAVA_HOME", jdk(directory.resolve("my jdk"), "26-ea").toString()));
        assertEquals(0, answer.exit, answer.err);
        assertTrue(answer.out.startsWith("java of 26-ea: @" + root + "/etc/jvm.options"), answer.out);
        assertTrue(answer.out.strip().endsWith("-m dev.smallbatch.model/dev.smallbatch.model.cli.Main demo --seconds a b"),
                answer.out);
        assertTrue(answer.out.contains("-p " + root + "/model/target/lib:" + root + "/model/target/smallbatch-model-1.jar:"),
                answer.out);
    }

    @Test
    void thePathIsNextAndLinksAreFollowed() throws Exception {
        Path old = jdk(directory.resolve("old"), "17.0.15");
        Path recent = jdk(directory.resolve("recent"), "25.0.3");
        Files.createSymbolicLink(bin.resolve("java"), recent.resolve("bin/java"));
        Answer answer = launch(Map.of("JAVA_HOME", old.toString()));
        assertTrue(answer.out.startsWith("java of 25.0.3: "), answer.out + answer.err);
    }

    /** No machine has a JDK 99 in one of the usual places. */
    @Test
    void theUsualPlacesAreSearchedForTheOldestThatSuits() throws Exception {
        requireJdk("99");
        jdk(home.resolve(".jdks/openjdk-125"), "125");
        jdk(home.resolve(".sdkman/candidates/java/100-tem"), "100.0.1");
        jdk(home.resolve(".sdkman/candidates/java/98-tem"), "98.0.2");
        jdk(home.resolve(".sdkman/candidates/java/8-tem"), "1.8.0_402");
        Files.delete(jdk(home.resolve(".jdks/jre-99"), "99").resolve("bin/javac"));
        Answer answer = launch(Map.of("JAVA_HOME", home.toString()));
        assertTrue(answer.out.startsWith("java of 100.0.1: "), answer.out + answer.err);
    }

    private void requireJdk(String version) throws IOException {
        Path script = root.resolve("smallbatch");
        Files.writeString(script, Files.readString(script).replace("min_jdk=25", "min_jdk=" + version));
    }

    @Test
    void buildsOnceAndAgainOnlyWhenSourcesChanged() throws Exception {
        Map<String, String> environment = Map.of("JAVA_HOME", jdk(directory.resolve("jdk"), "25").toString());
        Answer first = launch(environment);
        assertTrue(first.err.contains("building"), first.err);
        Answer second = launch(environment);
        assertEquals("", second.err);
        Path source = Files.writeString(root.resolve("core/src/main/New.java"), "");
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(60)));
        Answer third = launch(environment);
        assertTrue(third.err.contains("building"), third.err);
        assertEquals(2, Files.readAllLines(directory.resolve("mvn.log")).size());
        assertEquals("mvn -q -B -DskipTests -pl model,accel-tornado,bench -am package",
                Files.readAllLines(directory.resolve("mvn.log")).getFirst());
    }

    @Test
    void aFailedBuildIsReportedAndTriedAgain() throws Exception {
        Map<String, String> environment = Map.of("JAVA_HOME", jdk(directory.resolve("jdk"), "25").toString(), "MVN_EXIT", "1");
        for (int i = 0; i < 2; i++) {
            Answer answer = launch(environment);
            assertEquals(1, answer.exit, answer.err);
            assertTrue(answer.err.contains("the build failed; all of its output is in " + root + "/model/target/build.log"),
                    answer.err);
            assertEquals("", answer.out);
        }
    }

    @Test
    void worksThroughSymbolicLinks() throws Exception {
        Path link = Files.createSymbolicLink(home.resolve("sb"), root.resolve("smallbatch"));
        Path linkToLink = Files.createSymbolicLink(bin.resolve("sb"), link);
        Answer answer = launch(linkToLink, Map.of("JAVA_HOME", jdk(directory.resolve("jdk"), "25").toString()));
        assertTrue(answer.out.contains("-p " + root + "/model/target/lib:"), answer.out + answer.err);
        assertTrue(answer.out.contains("-Dsmallbatch.command=" + linkToLink), answer.out);
    }

    @Test
    void saysHowToGetMavenWhereThereIsNone() throws Exception {
        Path tools = Files.createDirectories(directory.resolve("tools"));
        for (String tool : List.of("bash", "env", "dirname", "basename", "readlink", "find", "head", "grep", "tail", "mkdir",
                "uname")) {
            for (String place : List.of("/usr/bin", "/bin")) {
                if (Files.exists(Path.of(place, tool)) && !Files.exists(tools.resolve(tool))) {
                    Files.createSymbolicLink(tools.resolve(tool), Path.of(place, tool));
                }
            }
        }
        Answer answer = launch(Map.of("PATH", tools.toString(), "JAVA_HOME", jdk(directory.resolve("jdk"), "25").toString()));
        assertEquals(1, answer.exit, answer.out);
        assertTrue(answer.err.contains("Maven is needed") && answer.err.contains("apt install maven")
                && answer.err.contains("brew install"), answer.err);
    }

    @Test
    void saysHowToGetAJdkWhereThereIsNone() throws Exception {
        requireJdk("99");
        Answer answer = launch(Map.of());
        assertEquals(1, answer.exit, answer.out);
        assertTrue(answer.err.startsWith("smallbatch: a JDK 99 or later is needed"), answer.err);
        assertTrue(answer.err.contains("apt install openjdk") && answer.err.contains("JAVA_HOME="), answer.err);
    }
}
