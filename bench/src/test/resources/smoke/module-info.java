/** An application that knows the library's modules and no flags. */
module smoke {
    requires dev.smallbatch.model;
}
