package dev.smallbatch.bench.peers;

import java.util.List;

/**
 * A program that measures and prints lines of JSON.
 *
 * @param name as tables show it
 * @param command with arguments
 * @param shown the command for readers: without the paths of this machine
 */
record Contestant(String name, List<String> command, String shown) {
    Contestant {
        command = List.copyOf(command);
    }
}
