package dev.smallbatch.bench.measure;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Where and with what the numbers were measured. */
public final class Machine {
    private static final String UNKNOWN = "unknown";

    private Machine() {}

    /** Processor, memory and operating system, in words. */
    public static Map<String, String> description() {
        Map<String, String> words = new LinkedHashMap<>();
        Path cpu = Path.of("/proc/cpuinfo");
        words.put("cpu",
                field(cpu, "model name") + " (family " + field(cpu, "cpu family") + ", model " + field(cpu, "model\t") + ")");
        words.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
        words.put("memory", field(Path.of("/proc/meminfo"), "MemTotal"));
        words.put("huge_pages", firstLine(Path.of("/sys/kernel/mm/transparent_hugepage/enabled")));
        words.put("os",
                String.join(" ", System.getProperty("os.name"), System.getProperty("os.version"), System.getProperty("os.arch")));
        words.put("jvm", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version") + " ("
                + System.getProperty("java.vendor") + ")");
        return words;
    }

    /** Runnable processes over the last one, five and fifteen minutes: near 0 on a quiet machine before the runs. */
    public static String load() {
        return firstLine(Path.of("/proc/loadavg"));
    }

    /** The commit that is checked out, with {@code +changes} if files differ from it. */
    public static String commit(Path root) {
        String head = git(root, "rev-parse", "--short", "HEAD");
        return head.equals(UNKNOWN) || git(root, "status", "--porcelain").isEmpty() ? head : head + "+changes";
    }

    private static String git(Path root, String... arguments) {
        String[] command = new String[arguments.length + 3];
        command[0] = "git";
        command[1] = "-C";
        command[2] = root.toString();
        System.arraycopy(arguments, 0, command, 3, arguments.length);
        try {
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.waitFor() == 0 ? out : UNKNOWN;
        } catch (IOException e) {
            return UNKNOWN;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return UNKNOWN;
        }
    }

    /** The value behind {@code name:} in a file of such lines. */
    public static String field(Path file, String name) {
        try {
            return Files.readAllLines(file).stream().filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip()).findFirst().orElse(UNKNOWN);
        } catch (IOException e) {
            return UNKNOWN;
        }
    }

    private static String firstLine(Path file) {
        try {
            return Files.readAllLines(file).getFirst();
        } catch (IOException e) {
            return UNKNOWN;
        }
    }
}
