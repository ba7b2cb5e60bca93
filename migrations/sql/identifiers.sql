-- House identifiers: the check character, registration in the one register of codes, and codes that never change.

-- ISO 7064 MOD 37-2 over ten characters: the weighted sum of the values is 1 modulo 37. Weights are 2^9 ... 2^0.
create function biobank_house_id_is_valid(code text) returns boolean
language sql immutable strict parallel safe as $$
    select code ~ '^[TBKPXLRWUC][2-9A-HJ-NP-RT-Z]{9}$'
       and (512 * strpos(abc, substr(code, 1, 1)) + 256 * strpos(abc, substr(code, 2, 1)) + 128 * strpos(abc, substr(code, 3, 1))
          + 64 * strpos(abc, substr(code, 4, 1)) + 32 * strpos(abc, substr(code, 5, 1)) + 16 * strpos(abc, substr(code, 6, 1))
          + 8 * strpos(abc, substr(code, 7, 1)) + 4 * strpos(abc, substr(code, 8, 1)) + 2 * strpos(abc, substr(code, 9, 1))
          + strpos(abc, substr(code, 10, 1)) - 1023) % 37 = 1
      from (select '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*' as abc) as alphabet
$$;
