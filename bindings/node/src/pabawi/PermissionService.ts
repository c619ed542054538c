/**
 * Replaces Pabawi's `services/PermissionService`: who may do what, by Pabawi's own tables.
 *
 * Checks are told to the `performanceMonitor` of the module `PerformanceMonitor` beside the one that is replaced. Where that is
 * loaded by `import`, as under vitest, it has to be given by {@link setPermissionCheckRecorder}.
 */
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";

import { type PermissionCache, permissionCacheOf } from "../internal/permissionCache";
import type { DatabaseAdapterLike } from "../internal/types";

export interface Permission {
  id: string;
  resource: string;
  action: string;
  description: string;
  createdAt: string;
}

export interface CreatePermissionDTO {
  resource: string;
  action: string;
  description: string;
}

export interface PermissionFilters {
  limit?: number;
  offset?: number;
  resource?: string;
  action?: string;
  search?: string;
}

export interface PaginatedPermissions {
  items: Permission[];
  total: number;
  limit: number;
  offset: number;
}

export interface PermissionCheck {
  resource: string;
  action: string;
}

export interface PermissionCheckResult extends PermissionCheck {
  allowed: boolean;
}

/** Where the times of checks go: Pabawi's `performanceMonitor`, or anything like it. */
export interface PermissionCheckRecorder {
  recordPermissionCheck(durationMs: number, cacheHit: boolean): void;
}

const COLUMNS = 'p.id, p.resource, p."action" AS "action", p.description, p.created_at AS "createdAt"';

/** The permissions of a user, by roles of their own and by those of their groups. Takes the user's id twice. */
const GRANTED = `
  SELECT rp.permission_id FROM user_roles ur
  JOIN role_permissions rp ON rp.role_id = ur.role_id
  WHERE ur.user_id = ?
  UNION
  SELECT rp.permission_id FROM user_groups ug
  JOIN group_roles gr ON gr.group_id = ug.group_id
  JOIN role_permissions rp ON rp.role_id = gr.role_id
  WHERE ug.user_id = ?`;

const NAME = /^[a-z0-9_]+$/;

/** `null` where Pabawi's own was looked for and is not there. */
let sharedRecorder: PermissionCheckRecorder | null | undefined;

/** Sets where every service tells its checks that was not given a recorder of its own; without one, Pabawi's own. */
export function setPermissionCheckRecorder(recorder: PermissionCheckRecorder | undefined): void {
  sharedRecorder = recorder;
}

/** Pabawi's own, beside the module that this one replaces and that has loaded it. */
function ownRecorder(): PermissionCheckRecorder | null {
  // Deprecated, and without another way to tell who required this module.
  const place = module.parent?.filename;
  if (place === undefined || !/[\\/]services[\\/]PermissionService\.[cm]?[jt]s$/.test(place)) {
    return null;
  }
  try {
    const { performanceMonitor } = createRequire(place)("./PerformanceMonitor") as {
      performanceMonitor?: Partial<PermissionCheckRecorder>;
    };
    return typeof performanceMonitor?.recordPermissionCheck === "function"
      ? (performanceMonitor as PermissionCheckRecorder)
      : null;
  } catch {
    return null;
  }
}

/**
 * Asks Pabawi's tables. Services of the same database remember together, so that what is taken away at one is gone at all.
 */
export class PermissionService {
  /** @internal */
  private readonly db: DatabaseAdapterLike;
  /** @internal */
  private readonly cache: PermissionCache;
  /** @internal */
  private readonly recorder: PermissionCheckRecorder | undefined;

  constructor(db: DatabaseAdapterLike, recorder?: PermissionCheckRecorder) {
    this.db = db;
    this.cache = permissionCacheOf(db);
    this.recorder = recorder;
  }

  async createPermission(data: CreatePermissionDTO): Promise<Permission> {
    const { resource, action, description } = data;
    checkName("Resource", resource, 100);
    checkName("Action", action, 50);
    if (description.length > 500) {
      throw new Error("Permission description must not exceed 500 characters");
    }
    const taken = await this.db.queryOne<{ id: string }>(
      'SELECT id FROM permissions WHERE resource = ? AND "action" = ?',
      [resource, action],
    );
    if (taken) {
      throw new Error("Permission with this resource-action combination already exists");
    }
    const permission = { id: randomUUID(), resource, action, description, createdAt: new Date().toISOString() };
    await this.db.execute(
      'INSERT INTO permissions (id, resource, "action", description, created_at) VALUES (?, ?, ?, ?, ?)',
      [permission.id, resource, action, description, permission.createdAt],
    );
    return permission;
  }

  async getPermissionById(id: string): Promise<Permission | null> {
    return this.db.queryOne<Permission>(`SELECT ${COLUMNS} FROM permissions p WHERE p.id = ?`, [id]);
  }

  /** Permissions by resource and action. `search` is a part of any of the three texts, in any case. */
  async listPermissions(filters: PermissionFilters = {}): Promise<PaginatedPermissions> {
    const limit = filters.limit ?? 50;
    const offset = filters.offset ?? 0;
    const conditions: string[] = [];
    const params: unknown[] = [];
    if (filters.resource) {
      conditions.push("p.resource = ?");
      params.push(filters.resource);
    }
    if (filters.action) {
      conditions.push('p."action" = ?');
      params.push(filters.action);
    }
    if (filters.search) {
      const like = this.db.getDialect?.() === "postgres" ? "ILIKE" : "LIKE";
      const pattern = `%${filters.search}%`;
      conditions.push(`(p.resource ${like} ? OR p."action" ${like} ? OR p.description ${like} ?)`);
      params.push(pattern, pattern, pattern);
    }
    const from = `FROM permissions p${conditions.length > 0 ? ` WHERE ${conditions.join(" AND ")}` : ""}`;
    const row = await this.db.queryOne<{ count: number | string }>(`SELECT COUNT(*) AS count ${from}`, params);
    const items = await this.db.query<Permission>(
      `SELECT ${COLUMNS} ${from} ORDER BY p.resource, p."action" LIMIT ? OFFSET ?`,
      [...params, limit, offset],
    );
    return { items, total: Number(row?.count ?? 0), limit, offset };
  }

  /** Unknown and inactive users have none; administrators have all, also those that no table names. */
  async hasPermission(userId: string, resource: string, action: string): Promise<boolean> {
    const begin = performance.now();
    const permission = `${resource}:${action}`;
    const cached = this.cache.get(userId, permission);
    if (cached !== undefined) {
      this.record(begin, true);
      return cached;
    }
    const { generation } = this.cache;
    const allowed = await this.ask(userId, resource, action);
    this.cache.set(userId, permission, allowed, generation);
    this.record(begin, false);
    return allowed;
  }

  /** The answers in the order of the questions. */
  async checkMultiplePermissions(userId: string, checks: PermissionCheck[]): Promise<PermissionCheckResult[]> {
    const results: PermissionCheckResult[] = [];
    for (const { resource, action } of checks) {
      results.push({ resource, action, allowed: await this.hasPermission(userId, resource, action) });
    }
    return results;
  }

  /** Every permission of a user, by resource and action. */
  async getUserPermissions(userId: string): Promise<Permission[]> {
    const user = await this.user(userId);
    if (user === "nobody") {
      return [];
    }
    const order = 'ORDER BY p.resource, p."action"';
    if (user === "administrator") {
      return this.db.query<Permission>(`SELECT ${COLUMNS} FROM permissions p ${order}`);
    }
    return this.db.query<Permission>(`SELECT ${COLUMNS} FROM permissions p WHERE p.id IN (${GRANTED}) ${order}`, [
      userId,
      userId,
    ]);
  }

  invalidateUserPermissionCache(userId: string): void {
    this.cache.forget(userId);
  }

  /** Forgets the answers about all who have the role, themselves or by a group. */
  async invalidateRolePermissionCache(roleId: string): Promise<void> {
    const rows = await this.db.query<{ userId: string }>(
      'SELECT user_id AS "userId" FROM user_roles WHERE role_id = ? ' +
        'UNION SELECT ug.user_id AS "userId" FROM user_groups ug ' +
        "JOIN group_roles gr ON gr.group_id = ug.group_id WHERE gr.role_id = ?",
      [roleId, roleId],
    );
    for (const { userId } of rows) {
      this.cache.forget(userId);
    }
  }

  invalidateAllPermissionCache(): void {
    this.cache.forgetAll();
  }

  /** @internal */
  private async ask(userId: string, resource: string, action: string): Promise<boolean> {
    const user = await this.user(userId);
    if (user !== "user") {
      return user === "administrator";
    }
    const granted = await this.db.queryOne<{ id: string }>(
      `SELECT p.id FROM permissions p WHERE p.resource = ? AND p."action" = ? AND p.id IN (${GRANTED})`,
      [resource, action, userId, userId],
    );
    return Boolean(granted);
  }

  /** @internal */
  private async user(userId: string): Promise<"nobody" | "user" | "administrator"> {
    const row = await this.db.queryOne<{ isActive: number; isAdmin: number }>(
      'SELECT is_active AS "isActive", is_admin AS "isAdmin" FROM users WHERE id = ?',
      [userId],
    );
    if (row?.isActive !== 1) {
      return "nobody";
    }
    return row.isAdmin === 1 ? "administrator" : "user";
  }

  /** @internal */
  private record(begin: number, cacheHit: boolean): void {
    const recorder = this.recorder ?? (sharedRecorder === undefined ? (sharedRecorder = ownRecorder()) : sharedRecorder);
    recorder?.recordPermissionCheck(performance.now() - begin, cacheHit);
  }
}

function checkName(what: "Resource" | "Action", name: string, most: number): void {
  if (name.length < 3 || name.length > most) {
    throw new Error(`${what} must be between 3 and ${String(most)} characters`);
  }
  if (!NAME.test(name)) {
    throw new Error(`${what} must be lowercase alphanumeric characters and underscores only`);
  }
}
