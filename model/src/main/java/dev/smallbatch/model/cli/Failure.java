package dev.smallbatch.model.cli;

import dev.smallbatch.model.run.UsageException;
import dev.smallbatch.optim.train.NonFiniteLossException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.stream.Collectors;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Says what went wrong, in one line. */
final class Failure {
    static final int FAILED = 1;
    static final int USAGE = 2;

    private static final int SUGGESTIONS = 2;
    private final Console console;

    Failure(Console console) {
        this.console = console;
    }

    int usage(ParameterException e) {
        StringBuilder line = new StringBuilder(oneLine(e.getMessage()));
        if (e instanceof UnmatchedArgumentException unmatched && !unmatched.getSuggestions().isEmpty()) {
            String nearest = unmatched.getSuggestions().stream().limit(SUGGESTIONS).collect(Collectors.joining(" or "));
            line.append(" (did you mean ").append(nearest).append("?)");
        }
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        console.err().println("smallbatch: " + line + "; see " + command.replaceFirst("^smallbatch", console.command())
                + " --help");
        return USAGE;
    }

    int report(Throwable failure, boolean verbose) {
        Throwable cause = failure instanceof UncheckedIOException wrapped ? wrapped.getCause() : failure;
        console.err().println("smallbatch: " + oneLine(message(cause)));
        if (verbose) {
            failure.printStackTrace(console.err());
        }
        return cause instanceof UsageException ? USAGE : FAILED;
    }

    private static String message(Throwable failure) {
        return switch (failure) {
            case NoSuchFileException e -> e.getFile() + ": there is no such file or directory";
            case AccessDeniedException e -> e.getFile() + ": no permission; change it, or use another place";
            case FileAlreadyExistsException e -> e.getFile() + ": exists already";
            case NotDirectoryException e -> e.getFile() + ": is not a directory";
            case FileSystemException e -> e.getMessage();
            case OutOfMemoryError e -> "out of memory (" + e.getMessage() + "); lower --batch-size or --seq-len, choose a smaller"
                    + " --preset, or close other programs";
            case IOException e -> plain(e);
            case NonFiniteLossException e -> plain(e);
            case IllegalArgumentException e -> plain(e);
            case IllegalStateException e -> plain(e);
            default -> "internal error: " + failure + "; please report it with the output of --verbose";
        };
    }

    private static String plain(Exception e) {
        return e.getMessage() == null || e.getMessage().isBlank() ? e.toString() : e.getMessage();
    }

    private static String oneLine(String message) {
        return String.valueOf(message).strip().replaceAll("\\s*\\R\\s*", "; ");
    }
}
