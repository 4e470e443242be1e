-- What the team told a patient on the page of the box at home, and on how many boxes it is.
CREATE TABLE message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject,
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    text text NOT NULL CHECK (text <> ''),
    boxes integer NOT NULL CHECK (boxes > 0)
);
CREATE INDEX message_of_subject ON message (subject);
