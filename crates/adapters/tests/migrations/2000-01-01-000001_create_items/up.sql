CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
                    folded text);
INSERT INTO items (name) SELECT 'N' || number FROM generate_series(1, 1000) AS number;
