import { plainFunctions } from './names-of-postgres.ts'

/**
 * What calling a function comes to. `own`: it is not PostgreSQL's, so nobody knows what it does. `tell`: other sessions hear of it.
 * `object`: it reads a large object.
 */
export type FunctionClass =
  | 'plain'
  | 'admin'
  | 'own'
  | 'setting'
  | 'sequence'
  | 'tell'
  | 'object'
  | 'object-write'

/** Of those whose names begin with `pg_`, which are most of what administers a server, these tell something and no more. */
const plainAdministration =
  /^pg_(?:get_\w+|stat_get_(?!activity$|backend_activity$)\w+|\w+_is_visible|(?:try_)?advisory_(?:xact_)?(?:un)?lock(?:_shared|_all)?|\w+_size|size_(?:bytes|pretty)|has_role|typeof|backend_pid|blocking_pids|safe_snapshot_blocking_pids|char_to_encoding|encoding_to_char|encoding_max_length|client_encoding|collation_(?:for|actual_version)|database_collation_actual_version|column_(?:compression|is_updatable|size)|conf_load_time|postmaster_start_time|current_(?:snapshot|xact_id|xact_id_if_assigned|wal_lsn|wal_insert_lsn|wal_flush_lsn)|describe_object|identify_object|identify_object_as_address|index(?:am)?_has_property|index_column_has_property|input_is_valid|input_error_info|is_in_recovery|is_other_temp_schema|is_wal_replay_paused|last_(?:wal_receive_lsn|wal_replay_lsn|xact_replay_timestamp|committed_xact)|listening_channels|notification_queue_usage|lock_status|cursor|prepared_statement|prepared_xact|my_temp_schema|options_to_table|partition_(?:ancestors|root|tree)|relation_(?:filenode|is_publishable|is_updatable)|filenode_relation|sequence_(?:last_value|parameters)|settings_get_flags|show_all_settings|sleep|sleep_for|sleep_until|snapshot_(?:xip|xmax|xmin)|stat_clear_snapshot|tablespace_databases|timezone_(?:abbrevs|names)|trigger_depth|available_extensions|available_extension_versions|extension_update_paths|visible_in_snapshot|wal_lsn_diff|xact_(?:commit_timestamp|status)|jit_available|mcv_list_items|basetype|export_snapshot)$/

const kinds: readonly (readonly [RegExp, FunctionClass])[] = [
  [/^set_config$/, 'setting'],
  [/^(?:nextval|setval|currval)$/, 'sequence'],
  [/^(?:pg_notify|pg_logical_emit_message)$/, 'tell'],
  [/^(?:lo_get|loread|lo_(?:lseek|tell)(?:64)?|lo_close|lo_open)$/, 'object'],
  [/^(?:lo_(?:creat|create|put|from_bytea|unlink|truncate|truncate64)|lowrite)$/, 'object-write'],
]

/** They run a text as a statement, open files or connections, or change what other sessions do. */
const ruling =
  /^(?:pg_\w+|lo_import|lo_export|dblink\w*|(?:query|table|schema|database|cursor)_to_\w+|ts_stat|ts_rewrite|binary_upgrade\w*|brin_\w+|gin_\w+|currtid2?|crosstab\w*|connectby|xpath_table|plpgsql_\w+)$/

/** `schema` is undefined for a name without one, which PostgreSQL looks for among its own first. */
export function classOf(schema: string | undefined, name: string): FunctionClass {
  if (schema === 'information_schema') return 'plain'
  const isOwn = schema !== undefined && schema !== 'pg_catalog'
  if (!isOwn) {
    const found = kinds.find(([names]) => names.test(name))
    if (found !== undefined) return found[1]
    if (plainFunctions.has(name) || plainAdministration.test(name)) return 'plain'
  }
  if (ruling.test(name)) return 'admin'
  // One of PostgreSQL's that is not known here may do anything.
  return schema === 'pg_catalog' ? 'admin' : 'own'
}
