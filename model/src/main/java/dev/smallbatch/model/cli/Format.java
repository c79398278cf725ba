package dev.smallbatch.model.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Numbers and tables for people. */
public final class Format {
    private static final String BARS = "▁▂▃▄▅▆▇█";
    private static final double MEBIBYTE = 1 << 20;

    private Format() {}

    /** {@link String#format} in one language everywhere. */
    public static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    /** For example 950, 1.2k, 35.1M. */
    public static String count(double value) {
        double size = Math.abs(value);
        if (size >= 999.5e6) {
            return trimmed(value / 1e9) + "G";
        }
        if (size >= 999.5e3) {
            return trimmed(value / 1e6) + "M";
        }
        return size >= 9999.5 ? trimmed(value / 1e3) + "k" : text("%,d", Math.round(value));
    }

    private static String trimmed(double value) {
        return text(Math.abs(value) >= 99.95 ? "%.0f" : "%.1f", value).replaceAll("\\.0$", "");
    }

    /** For example 12 KiB, 1.4 MiB, 3.1 GiB. */
    public static String bytes(double bytes) {
        if (bytes < 1024) {
            return text("%d bytes", (long) bytes);
        }
        if (bytes < MEBIBYTE) {
            return trimmed(bytes / 1024) + " KiB";
        }
        return bytes < 1024 * MEBIBYTE ? trimmed(bytes / MEBIBYTE) + " MiB" : trimmed(bytes / MEBIBYTE / 1024) + " GiB";
    }

    /** Hours, minutes and seconds: 0:07, 12:30, 1:02:03. */
    public static String time(double seconds) {
        long all = Math.round(seconds);
        return all < 3600 ? text("%d:%02d", all / 60, all % 60) : text("%d:%02d:%02d", all / 3600, all / 60 % 60, all % 60);
    }

    /** For people who wait: 40 s, 12 min, 7.3 hours, 4.2 days, 31 years. */
    static String duration(double seconds) {
        if (seconds < 99.5) {
            return text("%.0f s", seconds);
        }
        if (seconds < 99.5 * 60) {
            return text("%.0f min", seconds / 60);
        }
        if (seconds < 48 * 3600) {
            return trimmed(seconds / 3600) + " hours";
        }
        return seconds < 730 * 86_400.0 ? trimmed(seconds / 86_400) + " days" : trimmed(seconds / (365 * 86_400.0)) + " years";
    }

    /** A number without needless zeros, with up to six digits. */
    public static String number(double value) {
        if (value == Math.rint(value) && Math.abs(value) < 1e6) {
            return text("%.0f", value);
        }
        return Math.abs(value) < 1e-4 ? text("%.3g", value) : text("%.6f", value).replaceAll("0+$", "").replaceAll("\\.$", "");
    }

    /** A row of bars, one for each value or for several. */
    static String sparkline(List<Double> values, int width) {
        List<Double> finite = values.stream().filter(Double::isFinite).toList();
        if (finite.isEmpty()) {
            return "";
        }
        int count = Math.min(width, finite.size());
        double[] means = new double[count];
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) i * finite.size() / count);
            int to = (int) ((i + 1L) * finite.size() / count);
            means[i] = finite.subList(from, to).stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        }
        double low = Arrays.stream(means).min().orElseThrow();
        double high = Arrays.stream(means).max().orElseThrow();
        StringBuilder line = new StringBuilder();
        for (double mean : means) {
            double height = high > low ? (mean - low) / (high - low) : 0;
            line.append(BARS.charAt((int) Math.min(BARS.length() - 1, height * BARS.length())));
        }
        return line.toString();
    }
}
