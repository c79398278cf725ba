/** GPT models, tokenizers, data, generation and the command line. */
module dev.smallbatch.model {
    requires transitive dev.smallbatch.optim;
    requires transitive com.fasterxml.jackson.databind;
    requires com.google.common;
    requires info.picocli;
    requires java.desktop;
    requires java.management;
    requires me.tongfei.progressbar;
    requires org.knowm.xchart;

    uses dev.smallbatch.model.cli.CommandProvider;

    exports dev.smallbatch.model.cli to dev.smallbatch.bench;
    exports dev.smallbatch.model.data;
    exports dev.smallbatch.model.generate;
    exports dev.smallbatch.model.gpt;
    exports dev.smallbatch.model.layer;
    exports dev.smallbatch.model.run;
    exports dev.smallbatch.model.tokenizer;

    opens dev.smallbatch.model.cli to info.picocli;
}
