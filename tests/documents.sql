CREATE TABLE documents (id integer NOT NULL PRIMARY KEY, title varchar(200));
