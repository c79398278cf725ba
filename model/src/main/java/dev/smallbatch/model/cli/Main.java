package dev.smallbatch.model.cli;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.run.OptimizerKind;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ServiceLoader;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The program. Exit codes: 0 done, 1 failed, 2 wrong usage; after an interrupt that of the signal, 130 for Ctrl-C. An error is
 * one line on standard error, with a stack trace only if {@code --verbose} was given.
 */
@Command(name = "smallbatch",
        description = "Trains language models on the JVM, at batch size 1.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "Example: see it work, in two minutes", "  smallbatch demo", "",
            "'smallbatch COMMAND --help' explains a command."})
public final class Main implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(names = "--verbose", scope = ScopeType.INHERIT, description = "On an error, print the stack trace as well.")
    private boolean verbose;

    private Main() {}

    /** Runs a command and ends the JVM with its exit code. */
    public static void main(String[] args) {
        PrintStream out = stream(FileDescriptor.out, "stdout.encoding");
        PrintStream err = stream(FileDescriptor.err, "stderr.encoding");
        if (System.getProperty("java.util.logging.SimpleFormatter.format") == null) {
            System.setProperty("java.util.logging.SimpleFormatter.format", "%4$s: %5$s%n");
        }
        System.setProperty("java.awt.headless", "true"); // plots are files; an application that embeds runs decides for itself
        System.exit(run(Console.system(out, err), args));
    }

    /** Texts are UTF-8 everywhere but where the terminal says otherwise; a locale of ASCII alone is usually just unset. */
    private static PrintStream stream(FileDescriptor descriptor, String encodingProperty) {
        Charset charset = Charset.forName(System.getProperty(encodingProperty, "UTF-8"), StandardCharsets.UTF_8);
        boolean ascii = charset.equals(StandardCharsets.US_ASCII);
        return new PrintStream(new FileOutputStream(descriptor), true, ascii ? StandardCharsets.UTF_8 : charset);
    }

    /** Runs a command; returns the exit code. */
    static int run(Console console, String... args) {
        Main main = new Main();
        CommandLine line = new CommandLine(main)
                .addSubcommand(new DemoCommand(console))
                .addSubcommand(new TrainCommand(console))
                .addSubcommand(new EvalCommand(console))
                .addSubcommand(new GenerateCommand(console))
                .addSubcommand(new InspectCommand(console))
                .addSubcommand(new PlanCommand(console))
                .addSubcommand(new OptimizersCommand(console))
                .addSubcommand(new DoctorCommand(console));
        for (CommandProvider more : ServiceLoader.load(CommandProvider.class, CommandProvider.class.getClassLoader())) {
            more.commands(console).forEach(line::addSubcommand);
        }
        line.setOut(new PrintWriter(console.out(), true)).setErr(new PrintWriter(console.err(), true));
        line.registerConverter(Long.class, Quantity::whole);
        line.registerConverter(Integer.class, Quantity::small);
        line.registerConverter(int.class, Quantity::small);
        line.registerConverter(long.class, Quantity::whole);
        line.registerConverter(Double.class, Quantity::real);
        line.registerConverter(double.class, Quantity::real);
        line.registerConverter(BatchOptions.Size.class, BatchOptions.Size::of);
        line.setExpandAtFiles(false);
        line.registerConverter(DType.class, WeightTypes::dtype);
        line.registerConverter(Rounding.class, WeightTypes::rounding);
        line.registerConverter(OptimizerKind.class, OptimizerOptions::kind);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setUsageHelpAutoWidth(false).setUsageHelpWidth(Math.clamp(console.columns(), 80, 120));
        Failure failure = new Failure(console);
        line.setParameterExceptionHandler((e, arguments) -> failure.usage(e));
        line.setExecutionExceptionHandler((e, command, result) -> failure.report(e, main.verbose));
        try {
            return line.execute(args);
        } catch (StackOverflowError | OutOfMemoryError e) {
            return failure.report(e, main.verbose);
        }
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing");
    }
}
