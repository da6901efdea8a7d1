package warmfront.connect;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * Turns fields of a value (arrays, records) into JSON text, so that a table without nested types
 * can hold them. Times inside become milliseconds. None of Kafka's own transformations does that.
 */
public final class JsonFields<R extends ConnectRecord<R>> implements Transformation<R> {
    private static final ConfigDef CONFIG = new ConfigDef()
        .define("fields", Type.LIST, ConfigDef.NO_DEFAULT_VALUE, Importance.HIGH, "Fields to turn into JSON text.");
    // What Debezium's sink calls text that holds JSON: it becomes a json column.
    private static final String JSON = "io.debezium.data.Json";
    private static final int MOST_SCHEMAS = 64;

    private final JsonConverter json = new JsonConverter();
    private final Map<Schema, Schema> known = new HashMap<>();
    private List<String> names;

    @Override
    public void configure(Map<String, ?> settings) {
        names = CONFIG.parse(settings).get("fields") instanceof List<?> list
            ? list.stream().map(String::valueOf).toList() : List.of();
        json.configure(Map.of("schemas.enable", false), false);
    }

    @Override
    public R apply(R record) {
        if (record.value() == null) {
            return record;
        }
        if (!(record.value() instanceof Struct before)) {
            throw new DataException("JsonFields needs records with a schema");
        }
        Struct after = new Struct(target(before.schema()));
        for (Field field : before.schema().fields()) {
            Object value = before.get(field);
            after.put(field.name(), names.contains(field.name()) ? text(record.topic(), field, value) : value);
        }
        return record.newRecord(record.topic(), record.kafkaPartition(), record.keySchema(), record.key(),
            after.schema(), after, record.timestamp());
    }

    private String text(String topic, Field field, Object value) {
        return value == null ? null
            : new String(json.fromConnectData(topic, field.schema(), value), StandardCharsets.UTF_8);
    }

    private Schema target(Schema before) {
        if (known.size() > MOST_SCHEMAS) {
            known.clear();
        }
        return known.computeIfAbsent(before, this::rebuilt);
    }

    private Schema rebuilt(Schema before) {
        for (String name : names) {
            if (before.field(name) == null) {
                throw new DataException("JsonFields: no field " + name + " in " + before.name());
            }
        }
        SchemaBuilder after = SchemaBuilder.struct().name(before.name()).version(before.version());
        Schema text = SchemaBuilder.string().name(JSON).optional().build();
        for (Field field : before.fields()) {
            after.field(field.name(), names.contains(field.name()) ? text : field.schema());
        }
        return after.build();
    }

    @Override
    public ConfigDef config() {
        return CONFIG;
    }

    @Override
    public void close() {
        json.close();
    }
}
