package dev.smallbatch.bench.peers;

/** A program for the tests of those that run programs: prints its arguments, a line each; fails if there are none. */
final class EchoPeer {
    private EchoPeer() {}

    public static void main(String[] lines) {
        for (String line : lines) {
            System.out.println(line);
        }
        if (lines.length == 0) {
            System.exit(3);
        }
    }
}
