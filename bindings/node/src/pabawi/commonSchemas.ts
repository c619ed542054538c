/** Replaces Pabawi's `validation/commonSchemas`: shapes that several routes and plugins check. */
import type { z } from "zod";

import { zod } from "../internal/zod";

const NODE_ID = /^[a-zA-Z0-9][a-zA-Z0-9._:/-]*$/;
const PACKAGE_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.+:~-]*$/;
const UNIX_USERNAME = /^[a-z_][a-z0-9_-]{0,31}$/;
const ENVIRONMENT = /^[a-z0-9_]+$/;
const TAG = /^[a-z0-9_][a-z0-9_:.-]*$/;
const PLAYBOOK = /^[a-zA-Z0-9][a-zA-Z0-9_\-/.]*\.ya?ml$/;

/** A text that is checked: what the schemas below are, for zod 3 and zod 4 alike. */
export type TextSchema = z.ZodType<string>;

export const NodeIdSchema: TextSchema = zod
  .string()
  .min(1, "Node ID is required")
  .max(253, "Node ID too long (max 253 characters)")
  .regex(NODE_ID, "Node ID contains invalid characters");

export const CertnameSchema: TextSchema = zod
  .string()
  .min(1, "Certname is required")
  .max(255, "Certname too long (max 255 characters)")
  .regex(NODE_ID, "Certname contains invalid characters");

export const PackageNameSchema: TextSchema = zod
  .string()
  .min(1, "Package name is required")
  .max(256, "Package name too long (max 256 characters)")
  .regex(PACKAGE_NAME, "Package name contains invalid characters");

export const UnixUsernameSchema: TextSchema = zod
  .string()
  .regex(UNIX_USERNAME, "Must be a valid Unix username (lowercase, starts with letter or underscore, max 32 chars)");

export const PuppetEnvironmentSchema: TextSchema = zod
  .string()
  .min(1, "Environment is required")
  .max(64, "Environment too long (max 64 characters)")
  .regex(ENVIRONMENT, "Environment may hold lowercase letters, digits and underscores only");

export const PuppetTagSchema: TextSchema = zod
  .string()
  .min(1, "Tag is required")
  .max(128, "Tag too long (max 128 characters)")
  .regex(TAG, "Tag contains invalid characters");

export const PlaybookPathSchema: TextSchema = zod
  .string()
  .min(1, "Playbook path is required")
  .max(500, "Playbook path too long (max 500 characters)")
  .regex(PLAYBOOK, "Playbook path must be a relative path of a .yml or .yaml file")
  .refine((path) => !path.includes(".."), "Playbook path must not contain '..'");

export const NodeIdParamSchema: z.ZodType<{ id: string }> = zod.object({ id: NodeIdSchema });
export const CertnameParamSchema: z.ZodType<{ certname: string }> = zod.object({ certname: CertnameSchema });

/**
 * The name of a package without blanks around it.
 * @throws Error when it could be no name of a package.
 */
export function sanitizePackageName(name: string): string {
  const trimmed = name.trim();
  if (trimmed === "") {
    throw new Error("Package name cannot be empty");
  }
  if (trimmed.length > 256) {
    throw new Error("Package name too long (max 256 characters)");
  }
  if (!PACKAGE_NAME.test(trimmed)) {
    throw new Error(`Invalid package name '${trimmed}': contains characters not allowed in package names`);
  }
  return trimmed;
}

/**
 * The name of a user of a Unix system, as it is.
 * @throws Error when it could be none.
 */
export function sanitizeUnixUsername(username: string): string {
  if (!UNIX_USERNAME.test(username)) {
    throw new Error(
      `Invalid username '${username}': must be a valid Unix username ` +
        "(lowercase, starts with letter or underscore, max 32 chars)",
    );
  }
  return username;
}
