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
 * Makes of a value what a table without nested types can hold: named fields (arrays, records) become
 * JSON text, times inside milliseconds, and each NUL in a text U+FFFD. PostgreSQL's texts can't hold
 * NUL: one name with it would stop the sink for good. None of Kafka's own transformations does that.
 */
public final class TableFields<R extends ConnectRecord<R>> implements Transformation<R> {
    private static final ConfigDef CONFIG = new ConfigDef()
        .define("fields", Type.LIST, List.of(), Importance.HIGH, "Fields to turn into JSON text.");
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
            throw new DataException("TableFields needs records with a schema");
        }
        Struct after = new Struct(target(before.schema()));
        for (Field field : before.schema().fields()) {
            Object value = withoutNul(before.get(field));
            after.put(field.name(), names.contains(field.name()) ? text(record.topic(), field, value) : value);
        }
        return record.newRecord(record.topic(), record.kafkaPartition(), record.keySchema(), record.key(),
            after.schema(), after, record.timestamp());
    }

    private static Object withoutNul(Object value) {
        if (value instanceof String text) {
            return text.replace('\0', '\uFFFD');
        }
        if (value instanceof List<?> list) {
            return list.stream().map(TableFields::withoutNul).toList();
        }
        if (value instanceof Struct before) {
            Struct after = new Struct(before.schema());
            before.schema().fields().forEach(field -> after.put(field, withoutNul(before.get(field))));
            return after;
        }
        return value;
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
                throw new DataException("TableFields: no field " + name + " in " + before.name());
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
