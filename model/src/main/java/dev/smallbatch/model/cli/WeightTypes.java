package dev.smallbatch.model.cli;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import java.util.Locale;
import picocli.CommandLine.TypeConversionException;

/** How weights are stored, as it is said on the command line. */
final class WeightTypes {
    private WeightTypes() {}

    static DType dtype(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "f32" -> DType.F32;
            case "bf16" -> DType.BF16;
            default -> throw new TypeConversionException("'" + text + "' is not a type of weights: f32 or bf16");
        };
    }

    static Rounding rounding(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "stochastic" -> Rounding.STOCHASTIC;
            case "nearest" -> Rounding.NEAREST_EVEN;
            default -> throw new TypeConversionException("'" + text + "' is not a rounding: stochastic or nearest");
        };
    }
}
