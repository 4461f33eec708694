-- Version 3: several overseas boxes. Which of the rate deck's routes a call is to take, and took.

ALTER TABLE request ADD COLUMN route TEXT NOT NULL DEFAULT '';   -- overseas: of the line that is asked for; "": any
ALTER TABLE attempt ADD COLUMN route TEXT NOT NULL DEFAULT '';   -- of the line that dialled; "" if it has none
