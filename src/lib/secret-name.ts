/** A secret's name: a part, or up to five folders and a part, as in `prod/db/admin`. */
export const secretNamePattern = /^[a-z][a-z0-9._-]{0,62}(?:\/[a-z0-9][a-z0-9._-]{0,62}){0,5}$/

export const secretNameForm =
  'a secret’s name has lower-case letters, digits, dots, hyphens and underscores, and folders with `/`: prod/db/admin'
